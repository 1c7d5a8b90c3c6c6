import fc from "fast-check";
import { expect, test } from "vitest";
import { evaluationSteps } from "../../experiments/evaluation-steps.ts";
import { learningRateAt } from "../../experiments/learning-rate.ts";
import { metricsOf } from "../../experiments/metrics.ts";
import { rotateImages } from "../../experiments/rotate-images.ts";
import { scheduleSchema } from "../../experiments/run-options.ts";
import { makeRows, range } from "../support/make-rows.ts";

const logit = fc.float({ min: -30, max: 30, noNaN: true, noDefaultInfinity: true });

test("loss, error and soft error are those of the definitions, in double precision", () => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ row: fc.array(logit, { minLength: 4, maxLength: 4 }), label: fc.nat(3) }), {
        minLength: 1,
        maxLength: 20,
      }),
      (images) => {
        const logits = Float32Array.from(images.flatMap(({ row }) => row));
        const labels = Int32Array.from(images, ({ label }) => label);
        const mean = (value: (row: number[], label: number) => number) =>
          images.reduce((total, { row, label }) => total + value(row, label), 0) / images.length;
        const probability = (row: number[], label: number) =>
          1 / row.reduce((total, value) => total + Math.exp(value - row[label]!), 0);
        const { loss, error, softError } = metricsOf(logits, labels, 4, "cross-entropy");
        expect(loss).toBeCloseTo(
          mean((row, label) => -Math.log(probability(row, label))),
          9,
        );
        expect(softError).toBeCloseTo(
          mean((row, label) => 1 - probability(row, label)),
          12,
        );
        expect(error).toBe(mean((row, label) => (row.indexOf(Math.max(...row)) === label ? 0 : 1)));
        const squares = mean((row, label) =>
          row.reduce((sum, value, k) => sum + (value - (k === label ? 1 : 0)) ** 2, 0),
        );
        const mse = metricsOf(logits, labels, 4, "mse");
        expect(Math.abs(mse.loss - squares)).toBeLessThanOrEqual(1e-12 * Math.max(1, squares));
        expect(mse.error).toBe(error);
        expect(mse.softError).toBeCloseTo(
          mean((row, label) => 1 - Math.min(1, Math.max(0, row[label]!))),
          12,
        );
      },
    ),
  );
});

test("a soft error near 0 keeps its digits", () => {
  const { softError } = metricsOf(Float32Array.of(40, 0), Int32Array.of(0), 2, "cross-entropy");
  expect(softError / Math.exp(-40)).toBeCloseTo(1, 9);
});

test("the paper's evaluation steps are 4 apart, then 8, then 64", () => {
  const steps = evaluationSteps(39_000, { steps: "paper", testSamples: 1, trainSamples: 1 });
  expect(steps.slice(0, 3)).toEqual([0, 4, 8]);
  expect(steps).toContain(1020);
  expect(steps).toContain(1032);
  expect(steps).not.toContain(1028);
  expect(steps.filter((step) => step > 2048).slice(0, 2)).toEqual([2112, 2176]);
  expect(steps.at(-1)).toBe(39_000);
});

test("a number of evaluations is dense early and sparse later, with the first and the last step", () => {
  const steps = evaluationSteps(1000, { steps: 10, testSamples: 1, trainSamples: 1 });
  expect(steps[0]).toBe(0);
  expect(steps[1]).toBe(1);
  expect(steps.at(-1)).toBe(1000);
  const gaps = steps.slice(1).map((step, index) => step - steps[index]!);
  expect(gaps).toEqual([...gaps].sort((a, b) => a - b));
});

test("as many evaluations as asked for, unless two would fall on one step", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 100_000 }), fc.integer({ min: 2, max: 60 }), (totalSteps, numAsked) => {
      const steps = evaluationSteps(totalSteps, { steps: numAsked, testSamples: 1, trainSamples: 1 });
      expect(steps[0]).toBe(0);
      expect(steps.at(-1)).toBe(totalSteps);
      expect(new Set(steps).size).toBe(steps.length);
      expect(steps).toEqual(steps.toSorted((a, b) => a - b));
      expect(steps.length).toBeLessThanOrEqual(numAsked);
      // From one step to the next by at least 1.6: no two are rounded to the same.
      if (numAsked === 2 || totalSteps ** (1 / (numAsked - 2)) >= 1.6) expect(steps).toHaveLength(numAsked);
    }),
  );
  expect(evaluationSteps(100, { steps: 2, testSamples: 1, trainSamples: 1 })).toEqual([0, 100]);
  expect(evaluationSteps(100, { steps: 3, testSamples: 1, trainSamples: 1 })).toEqual([0, 1, 100]);
});

test("learning rates follow their schedules", () => {
  const at = (step: number, options: object) => learningRateAt(step, 100, 0.4, scheduleSchema.parse(options));
  expect(at(0, {})).toBeCloseTo(0.4, 12);
  expect(at(50, {})).toBeCloseTo(0.2, 12);
  expect(at(7, { stepsPerChange: 10 })).toBeCloseTo(0.4, 12);
  expect(at(57, { stepsPerChange: 25 })).toBeCloseTo(0.2, 12);
  expect([0, 4, 9].map((step) => at(step, { name: "constant", warmUp: 0.1 }))).toEqual([0.04, 0.2, 0.4]);
  expect([49, 50, 75].map((step) => at(step, { name: "step" }).toPrecision(6))).toEqual([
    "0.400000",
    "0.0400000",
    "0.00400000",
  ]);
});

test("no schedule exceeds its peak, whatever its warm-up and the steps between changes", () => {
  for (const name of ["constant", "cosine", "step"]) {
    for (const warmUp of [0, 0.02, 0.3, 1]) {
      for (const stepsPerChange of [1, 7, 390]) {
        const schedule = scheduleSchema.parse({ name, warmUp, stepsPerChange });
        const rates = Array.from({ length: 1000 }, (_, step) => learningRateAt(step, 1000, 0.1, schedule));
        expect(Math.max(...rates)).toBeLessThanOrEqual(0.1);
        expect(Math.min(...rates)).toBeGreaterThanOrEqual(0);
      }
    }
  }
});

test("quarter turns make a full one, and their numbers are the labels", () => {
  const { image } = makeRows(range(0, 40));
  const turned = image.slice();
  const labels = rotateImages(turned, 3, 17);
  expect(new Set(labels)).toEqual(new Set([0, 1, 2, 3]));
  for (const [index, label] of labels.entries()) {
    const pixel = (images: Uint8Array, y: number, x: number) => [
      ...images.subarray(((index * 32 + y) * 32 + x) * 3).subarray(0, 3),
    ];
    const corners = [
      [5, 9],
      [31 - 9, 5],
      [31 - 5, 31 - 9],
      [9, 31 - 5],
    ] as const;
    const [y, x] = corners[label]!;
    expect(pixel(turned, y, x)).toEqual(pixel(image, 5, 9));
  }
});

test("a network that fits one-hot labels perfectly has a soft error of 0 if it was trained by squared error", () => {
  const { loss, error, softError } = metricsOf(Float32Array.of(0, 1, 1, 0), Int32Array.of(1, 0), 2, "mse");
  expect({ loss, error, softError }).toEqual({ loss: 0, error: 0, softError: 0 });
});
