import { expect, test } from "vitest";
import { fillNormals } from "../../core/random.ts";
import { symmetricEigen, whiteningFilters } from "../../networks/whitening.ts";

function normals(size: number, id: number): Float64Array {
  const values = new Float64Array(size);
  fillNormals({ seed: 3, stream: 1, id }, values);
  return values;
}

test.each([1, 2, 5, 12])("every eigenvector of a symmetric matrix of %d rows keeps its direction", (n) => {
  const random = normals(n * n, n);
  const matrix = Float64Array.from(random, (_, k) => random[k]! + random[(k % n) * n + Math.floor(k / n)]!);
  const { values, vectors } = symmetricEigen(matrix, n);
  for (let k = 0; k < n; k++) {
    for (let i = 0; i < n; i++) {
      let product = 0;
      for (let j = 0; j < n; j++) product += matrix[i * n + j]! * vectors[j * n + k]!;
      expect(product).toBeCloseTo(values[k]! * vectors[i * n + k]!, 10);
    }
    for (let other = 0; other < n; other++) {
      let dot = 0;
      for (let i = 0; i < n; i++) dot += vectors[i * n + k]! * vectors[i * n + other]!;
      expect(dot).toBeCloseTo(k === other ? 1 : 0, 10);
    }
  }
});

test("whitened patches are uncorrelated with unit variance, and each filter occurs with both signs", () => {
  const [numImages, channels, height, width, side] = [20, 3, 6, 6, 2] as const;
  const noise = normals(numImages * channels * height * width, 77);
  // Neighboring pixels are correlated, as in real images.
  const images = Float32Array.from(noise, (value, index) => value + 0.9 * (noise[index - 1] ?? 0) + 0.3);
  const size = channels * side * side;
  const filters = whiteningFilters(images, [numImages, channels, height, width], side, 0);
  const covariance = new Float64Array(size * size);
  let numPatches = 0;
  for (let image = 0; image < numImages; image++) {
    for (let row = 0; row + side <= height; row++) {
      for (let column = 0; column + side <= width; column++) {
        const whitened = Array.from({ length: size }, (_, filter) => {
          let total = 0;
          for (let channel = 0; channel < channels; channel++) {
            for (let y = 0; y < side; y++) {
              for (let x = 0; x < side; x++) {
                const pixel = images[((image * channels + channel) * height + row + y) * width + column + x]!;
                total += filters[filter * size + (channel * side + y) * side + x]! * pixel;
              }
            }
          }
          return total;
        });
        for (let i = 0; i < size; i++) {
          for (let j = 0; j < size; j++) covariance[i * size + j]! += whitened[i]! * whitened[j]!;
        }
        numPatches++;
      }
    }
  }
  covariance.forEach((value, index) => {
    expect(value / numPatches).toBeCloseTo(index % (size + 1) === 0 ? 1 : 0, 4);
  });
  for (let index = 0; index < size * size; index++) expect(filters[size * size + index]).toBe(-filters[index]!);
});
