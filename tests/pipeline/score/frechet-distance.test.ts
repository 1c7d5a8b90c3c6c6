import { expect, test } from "vitest";
import { fillNormals } from "../../../core/random.ts";
import { computeFeatureStatistics, type FeatureStatistics } from "../../../pipeline/score/feature-statistics.ts";
import { frechetDistance } from "../../../pipeline/score/frechet-distance.ts";
import { errorOf } from "../../support/expect-error.ts";
import { findPythonModules, runPython } from "../../support/run-python.ts";
import { normalFeatures } from "./make-features.ts";

function diagonal(mean: readonly number[], variances: readonly number[]): FeatureStatistics {
  const width = mean.length;
  const covariance = new Float64Array(width * width);
  for (const [index, variance] of variances.entries()) covariance[index * (width + 1)] = variance;
  return { count: 1000, width, mean: Float64Array.from(mean), covariance };
}

/** A Gaussian whose covariance is M Mᵀ for a random M. */
function randomGaussian(width: number, id: number): FeatureStatistics {
  const factor = new Float64Array(width * width);
  const mean = new Float64Array(width);
  fillNormals({ seed: 1, stream: 0, id }, factor);
  fillNormals({ seed: 2, stream: 0, id }, mean);
  const covariance = Float64Array.from({ length: width * width }, (_, index) => {
    const [row, column] = [Math.floor(index / width), index % width];
    let dot = 0;
    for (let k = 0; k < width; k++) dot += factor[row * width + k]! * factor[column * width + k]!;
    return dot / width;
  });
  return { count: 1000, width, mean, covariance };
}

test("independent Gaussians are as far apart as their closed form says", () => {
  const first = diagonal([0, 1, -2], [4, 1, 0.25]);
  const second = diagonal([3, 1, -1], [1, 9, 0.25]);
  // |m₁ − m₂|² + Σ (s₁ − s₂)² for standard deviations s.
  expect(frechetDistance(first, second)).toBeCloseTo(9 + 0 + 1 + 1 + 4 + 0, 12);
});

test("a Gaussian has no distance to itself, and distances are symmetric", () => {
  const [first, second] = [randomGaussian(40, 0), randomGaussian(40, 1)];
  // The root of a rounding error of 1e-16 is 1e-8, for each of 40 features.
  expect(Math.abs(frechetDistance(first, first))).toBeLessThan(1e-6);
  expect(frechetDistance(first, second)).toBeGreaterThan(1);
  expect(frechetDistance(first, second)).toBeCloseTo(frechetDistance(second, first), 6);
});

test("a singular covariance does no harm", () => {
  expect(frechetDistance(diagonal([0, 0], [1, 0]), diagonal([0, 0], [4, 0]))).toBeCloseTo(1, 12);
});

test("means and covariances are those of the numbers, over more than one block", async () => {
  const features = normalFeatures({ count: 5000, width: 3, mean: 100, std: 2 });
  const { mean, covariance, count } = await computeFeatureStatistics(features, "numbers");
  const column = (index: number) => Array.from({ length: count }, (_, row) => features.values[row * 3 + index]!);
  const average = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  for (const i of [0, 1, 2]) {
    const first = column(i);
    expect(mean[i]).toBeCloseTo(average(first), 10);
    for (const j of [0, 1, 2]) {
      const second = column(j);
      const products = first.map((value, row) => (value - average(first)) * (second[row]! - average(second)));
      expect(covariance[i * 3 + j]).toBeCloseTo((average(products) * count) / (count - 1), 10);
    }
  }
});

test("samples of two Gaussians are as far apart as the Gaussians, to sampling error", async () => {
  const width = 8;
  const [first, second] = await Promise.all([
    computeFeatureStatistics(normalFeatures({ count: 40_000, width, id: 1 }), "first"),
    computeFeatureStatistics(normalFeatures({ count: 40_000, width, id: 2, mean: 0.5, std: 1.5 }), "second"),
  ]);
  const truth = width * (0.5 ** 2 + 0.5 ** 2);
  expect(Math.abs(frechetDistance(first, second) / truth - 1)).toBeLessThan(0.02);
});

test("too few images for the covariance are refused by name", async () => {
  const few = normalFeatures({ count: 8, width: 8 });
  const { message } = await errorOf(() => computeFeatureStatistics(few, "the set"), "score/too-few-images");
  expect(message).toContain("more than 8 images, got 8");
});

test.skipIf(!findPythonModules(["numpy"]).has("numpy"))("numpy finds the same distance", async () => {
  const [first, second] = [randomGaussian(32, 3), randomGaussian(32, 4)];
  const plain = ({ mean, covariance, width }: FeatureStatistics) => ({
    mean: [...mean],
    covariance: [...covariance],
    width,
  });
  const theirs = Number(await runPython("pipeline/score/frechet.py", [], [plain(first), plain(second)]));
  expect(Math.abs(frechetDistance(first, second) / theirs - 1)).toBeLessThan(1e-9);
});
