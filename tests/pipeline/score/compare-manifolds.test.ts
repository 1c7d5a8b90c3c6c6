import { expect, test } from "vitest";
import { compareManifolds } from "../../../pipeline/score/compare-manifolds.ts";
import type { Features } from "../../../pipeline/score/features.ts";
import type { ManifoldScores } from "../../../pipeline/score/score.ts";
import { errorOf } from "../../support/expect-error.ts";
import { normalFeatures } from "./make-features.ts";

test("a set against itself has precision, recall and coverage 1, and one image more than the neighbors in a ball", async () => {
  const features = normalFeatures({ count: 600, width: 5 });
  const { precision, recall, density, coverage } = await compareManifolds(features, features);
  expect([precision, recall, coverage]).toEqual([1, 1, 1]);
  expect(density).toBeCloseTo(6 / 5, 12);
});

test("sets that are far apart do not overlap", async () => {
  const [real, synthetic] = [
    normalFeatures({ count: 50, width: 4 }),
    normalFeatures({ count: 60, width: 4, mean: 100 }),
  ];
  expect(await compareManifolds(real, synthetic)).toEqual({ precision: 0, recall: 0, density: 0, coverage: 0 });
});

test("a single image sampled repeatedly has high precision, but low recall and coverage", async () => {
  const real = normalFeatures({ count: 200, width: 4 });
  const values = Float32Array.from({ length: 4 * 50 }, (_, index) => real.values[index % 4]!);
  const { precision, recall, coverage } = await compareManifolds(real, { count: 50, width: 4, values });
  expect(precision).toBe(1);
  expect(recall).toBe(1 / 200);
  expect(coverage).toBeLessThan(0.2);
});

test("blocks and products give what brute force gives", async () => {
  const real = normalFeatures({ count: 300, width: 6, id: 1 });
  const synthetic = normalFeatures({ count: 280, width: 6, id: 2, mean: 0.6, std: 0.8 });
  const scores = await compareManifolds(real, synthetic);
  expect(scores).toEqual(bruteForce(real, synthetic));
  expect(scores.precision).toBeGreaterThan(0.2);
  expect(scores.recall).toBeLessThan(0.9);
});

test("sets without enough neighbors are refused", async () => {
  const [real, synthetic] = [normalFeatures({ count: 50, width: 4 }), normalFeatures({ count: 5, width: 4 })];
  const { message } = await errorOf(() => compareManifolds(real, synthetic), "score/too-few-images");
  expect(message).toContain("got 5");
});

function bruteForce(real: Features, synthetic: Features): ManifoldScores {
  const rowsOf = ({ count, width, values }: Features) =>
    Array.from({ length: count }, (_, row) => [...values.subarray(row * width, (row + 1) * width)]);
  const distance = (a: readonly number[], b: readonly number[]) => Math.hypot(...a.map((value, k) => value - b[k]!));
  const radiiOf = (rows: readonly number[][], k: number) =>
    rows.map(
      (row, index) =>
        rows
          .filter((_, other) => other !== index)
          .map((other) => distance(row, other))
          .sort((a, b) => a - b)
          .at(k - 1)!,
    );
  const [reals, synthetics] = [rowsOf(real), rowsOf(synthetic)];
  const part = <Item>(items: readonly Item[], test: (item: Item, index: number) => boolean) =>
    items.filter(test).length / items.length;
  const [r3, r5, s3] = [radiiOf(reals, 3), radiiOf(reals, 5), radiiOf(synthetics, 3)];
  const balls = synthetics.map((s) => reals.filter((r, index) => distance(s, r) <= r5[index]!).length);
  return {
    precision: part(synthetics, (s) => reals.some((r, index) => distance(s, r) <= r3[index]!)),
    recall: part(reals, (r) => synthetics.some((s, index) => distance(s, r) <= s3[index]!)),
    density: balls.reduce((sum, count) => sum + count, 0) / (5 * synthetics.length),
    coverage: part(reals, (r, index) => synthetics.some((s) => distance(s, r) <= r5[index]!)),
  };
}
