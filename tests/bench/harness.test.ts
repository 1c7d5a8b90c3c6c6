import { readFile } from "node:fs/promises";
import fc from "fast-check";
import { expect, test } from "vitest";
import { largestDifference } from "../../bench/harness/comparison.ts";
import { writeCase } from "../../bench/unet/unet-case.ts";
import { median } from "../../core/median.ts";
import { readSafetensors } from "../../engine/parameters/safetensors.ts";

const finite = fc.double({ min: -1e6, max: 1e6, noNaN: true });

test("the median of an even count is the mean of both middle values, in any order", () => {
  expect(median([0.09, 0.01])).toBeCloseTo(0.05, 12);
  expect(median([3, 1, 2])).toBe(2);
  expect(median([])).toBeNaN();
  fc.assert(
    fc.property(fc.array(finite, { minLength: 1, maxLength: 30 }), (values) => {
      const middle = median(values);
      expect(median(values.toReversed())).toBe(middle);
      expect(2 * values.filter((value) => value < middle).length).toBeLessThanOrEqual(values.length);
      expect(2 * values.filter((value) => value > middle).length).toBeLessThanOrEqual(values.length);
      // Turning the line of numbers around turns the median around.
      expect(median(values.map((value) => -value))).toBeCloseTo(-middle, 9);
    }),
  );
});

test("results of a batch of 256 images are compared, relative to the largest value", () => {
  const a = new Float32Array(256 * 3072);
  const b = a.slice();
  a[700_000] = -8;
  b[700_000] = -8;
  b[12] = 2;
  expect(largestDifference(a, b)).toBe(0.25);
  expect(largestDifference(a, a)).toBe(0);
  expect(largestDifference(Float32Array.of(0.5), Float32Array.of(0.25))).toBe(0.25);
  expect(largestDifference(a, b.subarray(1))).toBe(Number.POSITIVE_INFINITY);
});

test("PyTorch's side of the U-Net benchmark reads only metadata that the case has", async () => {
  const sizes = { batchSize: 1, imagesPerRun: 1, callsPerRound: 1, stepsPerRound: 1 };
  const { metadata } = readSafetensors(writeCase(sizes), "the case");
  const source = await readFile("bench/unet/unet_torch.py", "utf8");
  const single = [...source.matchAll(/metadata\["(\w+)"\]/g)].map(([, key]) => key!);
  const several = [...source.matchAll(/metadata\[name\]\) for name in \(([^)]*)\)/g)].flatMap(([, keys]) =>
    [...keys!.matchAll(/\w+/g)].map(([key]) => key),
  );
  expect(several).toEqual(["batchSize", "numSamples", "stepsPerRound"]);
  expect(single).toContain("emaDecay");
  for (const key of [...single, ...several]) expect(Number(metadata[key]), key).toBeGreaterThan(0);
});
