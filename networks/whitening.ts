/**
 * Filters that whiten patches of images: their responses are uncorrelated about zero and have a mean square of 1. They are
 * the eigenvectors of the patches' second moments, whose mean is not subtracted, divided by the square roots of the
 * eigenvalues plus epsilon. Each filter comes with both signs.
 * @param images - numbers [N, C, H, W] flattened
 * @param side - side of the square patches, in pixels
 * @returns filters [2·C·side², C, side, side] flattened
 * @see Keller Jordan 2024, arXiv:2404.00498, section 3.2
 */
export function whiteningFilters(
  images: Float32Array,
  [numImages, channels, height, width]: readonly [number, number, number, number],
  side: number,
  epsilon = 5e-4,
): Float32Array {
  const size = channels * side * side;
  const moments = new Float64Array(size * size);
  const patch = new Float64Array(size);
  let numPatches = 0;
  for (let image = 0; image < numImages; image++) {
    for (let row = 0; row + side <= height; row++) {
      for (let column = 0; column + side <= width; column++) {
        for (let index = 0; index < size; index++) {
          const channel = Math.floor(index / side ** 2);
          const y = row + (Math.floor(index / side) % side);
          patch[index] = images[((image * channels + channel) * height + y) * width + column + (index % side)]!;
        }
        for (let i = 0; i < size; i++) {
          for (let j = 0; j <= i; j++) moments[i * size + j]! += patch[i]! * patch[j]!;
        }
        numPatches++;
      }
    }
  }
  for (let i = 0; i < size; i++) {
    for (let j = 0; j <= i; j++) {
      moments[i * size + j]! /= numPatches;
      moments[j * size + i] = moments[i * size + j]!;
    }
  }
  const { values, vectors } = symmetricEigen(moments, size);
  const filters = new Float32Array(2 * size * size);
  for (let k = 0; k < size; k++) {
    const scale = 1 / Math.sqrt(values[k]! + epsilon);
    for (let i = 0; i < size; i++) {
      filters[k * size + i] = vectors[i * size + k]! * scale;
      filters[(size + k) * size + i] = -vectors[i * size + k]! * scale;
    }
  }
  return filters;
}

/**
 * Eigenvalues and eigenvectors (as columns) of a symmetric matrix [n, n], by Jacobi rotations.
 * @see Golub and Van Loan, "Matrix computations", section 8.5
 */
export function symmetricEigen(
  matrix: Float64Array,
  n: number,
): { readonly values: Float64Array; readonly vectors: Float64Array } {
  const a = matrix.slice();
  const vectors = new Float64Array(n * n);
  for (let i = 0; i < n; i++) vectors[i * n + i] = 1;
  const rotate = (m: Float64Array, i: number, j: number, cosine: number, sine: number) => {
    const left = m[i]!;
    const right = m[j]!;
    m[i] = cosine * left - sine * right;
    m[j] = sine * left + cosine * right;
  };
  for (let sweep = 0; sweep < 50; sweep++) {
    let off = 0;
    for (let p = 0; p < n; p++) {
      for (let q = p + 1; q < n; q++) {
        const pivot = a[p * n + q]!;
        off += pivot * pivot;
        if (Math.abs(pivot) < 1e-300) continue;
        const theta = (a[q * n + q]! - a[p * n + p]!) / (2 * pivot);
        const tangent = Math.sign(theta || 1) / (Math.abs(theta) + Math.sqrt(theta * theta + 1));
        const cosine = 1 / Math.sqrt(tangent * tangent + 1);
        const sine = tangent * cosine;
        for (let k = 0; k < n; k++) rotate(a, k * n + p, k * n + q, cosine, sine);
        for (let k = 0; k < n; k++) rotate(a, p * n + k, q * n + k, cosine, sine);
        for (let k = 0; k < n; k++) rotate(vectors, k * n + p, k * n + q, cosine, sine);
      }
    }
    if (off < 1e-24) break;
  }
  return { values: Float64Array.from({ length: n }, (_, i) => a[i * n + i]!), vectors };
}
