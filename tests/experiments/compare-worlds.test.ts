import { expect, test } from "vitest";
import { compareWorlds, estimate } from "../../experiments/compare-worlds.ts";
import { type RunOptions, runOptionsSchema } from "../../experiments/run-options.ts";
import type { MetricsRow } from "../../experiments/train-run.ts";

const options = (over: Record<string, unknown>): RunOptions =>
  runOptionsSchema.parse({ network: { name: "mlp" }, steps: 30, ...over });

/** Rows with these soft errors at steps 0, 10, 20, 30. */
const curve = (set: string, softErrors: readonly number[]): MetricsRow[] =>
  softErrors.map((softError, index) => ({ step: 10 * index, set, loss: 1, error: 1, softError }));

test("worlds are compared where the real one's train soft error falls to 1%", () => {
  const runs = [0, 1].flatMap((seed) => [
    {
      id: `r${seed}`,
      options: options({ world: "real", seed, numSamples: 500 }),
      rows: [...curve("train", [0.9, 0.2, 0.01, 0.001]), ...curve("test", [0.9, 0.5, 0.4 + 0.02 * seed, 0.39])],
    },
    {
      id: `i${seed}`,
      options: options({ world: "ideal", seed, numSamples: 1, stopBelow: 0 }),
      rows: curve("test", [0.9, 0.45, 0.37, 0.2]),
    },
  ]);
  const [comparison, ...others] = compareWorlds(runs);
  expect(others).toEqual([]);
  expect(comparison).toMatchObject({ set: "test", numConverged: 2, convergedStep: 20, step: 20 });
  expect(comparison!.real.mean).toBeCloseTo(0.41, 12);
  expect(comparison!.gap.mean).toBeCloseTo(0.04, 12);
  // Two values 0.02 apart: standard error 0.01, Student's t with one degree of freedom 12.706.
  expect(comparison!.gap.margin).toBeCloseTo(0.12706, 5);
  expect(comparison!.finalIdeal.mean).toBeCloseTo(0.2, 12);
});

test("between two evaluations the step of convergence comes from the logarithm of the train soft error, and others are linear", () => {
  const runs = [
    {
      id: "r",
      options: options({ world: "real" }),
      // 1% is halfway from 0.1 to 0.001 by its logarithm.
      rows: [...curve("train", [0.9, 0.1, 0.001, 0]), ...curve("test", [0.9, 0.5, 0.4, 0.39])],
    },
    {
      id: "i",
      options: options({ world: "ideal", numSamples: 1, stopBelow: 0 }),
      rows: curve("test", [0.9, 0.45, 0.35, 0.2]),
    },
  ];
  const [comparison] = compareWorlds(runs);
  expect(comparison!.convergedStep).toBeCloseTo(15, 12);
  expect(comparison!.step).toBe(comparison!.convergedStep);
  expect(comparison!.trainSoftError.mean).toBe(0.01);
  expect(comparison!.real.mean).toBeCloseTo(0.45, 12);
  expect(comparison!.ideal.mean).toBeCloseTo(0.4, 12);
  expect(comparison!.finalReal.mean).toBe(0.39);
});

test("a train soft error that falls to 0 at once, or begins below 1%, has a step of convergence", () => {
  const stepOf = (train: readonly number[]) => {
    const [real, ideal] = (["real", "ideal"] as const).map((world) => ({
      id: world,
      options: options({ world }),
      rows: [...(world === "real" ? curve("train", train) : []), ...curve("test", [0.9, 0.5])],
    }));
    return compareWorlds([real!, ideal!])[0]!.convergedStep;
  };
  expect(stepOf([0.5, 0])).toBeGreaterThan(0);
  expect(stepOf([0.5, 0])).toBeLessThan(10);
  expect(stepOf([0.005, 0.001])).toBe(0);
});

test("the number of train images that metrics are of does not keep worlds apart, as the ideal one has none", () => {
  const evaluation = { steps: 4, testSamples: 30, trainSamples: 20 };
  const [real, ideal] = (["real", "ideal"] as const).map((world) => ({
    id: world,
    options: options({ world, evaluation: world === "real" ? evaluation : { ...evaluation, trainSamples: 10_000 } }),
    rows: [...curve("train", [0.9, 0.5]), ...curve("test", [0.9, 0.6])],
  }));
  expect(compareWorlds([real!, ideal!])).toHaveLength(2);
});

test("gaps of two trials that differ in sign have their mean, not that of their sizes", () => {
  const runs = [0, 1].flatMap((seed) => [
    {
      id: `r${seed}`,
      options: options({ world: "real", seed }),
      rows: [...curve("train", [0.9, 0.5]), ...curve("test", [0.9, 0.6 + 0.1 * seed])],
    },
    {
      id: `i${seed}`,
      options: options({ world: "ideal", seed, numSamples: 1, stopBelow: 0 }),
      rows: curve("test", [0.9, 0.67]),
    },
  ]);
  const [{ gap } = expect.fail()] = compareWorlds(runs);
  expect(gap.mean).toBeCloseTo((-0.07 + 0.03) / 2, 12);
});

test("a real world that never converges is compared at its last step", () => {
  const runs = [
    {
      id: "r",
      options: options({ world: "real" }),
      rows: [...curve("train", [0.9, 0.5]), ...curve("test", [0.9, 0.6])],
    },
    {
      id: "i",
      options: options({ world: "ideal", numSamples: 1, stopBelow: 0 }),
      rows: curve("test", [0.9, 0.5, 0.4]),
    },
  ];
  const [comparison] = compareWorlds(runs);
  expect(comparison).toMatchObject({ numConverged: 0, convergedStep: undefined, step: 10 });
  expect(comparison!.gap).toMatchObject({ margin: undefined, numTrials: 1 });
  expect(comparison!.gap.mean).toBeCloseTo(0.1, 12);
});

test("runs that differ in more than the world are not compared", () => {
  const runs = [
    { id: "r", options: options({ world: "real", augmentation: "flip" }), rows: curve("test", [1]) },
    { id: "i", options: options({ world: "ideal", numSamples: 1, stopBelow: 0 }), rows: curve("test", [1]) },
  ];
  expect(compareWorlds(runs)).toEqual([]);
});

test("margins follow Student's t, also for many trials", () => {
  const margin = (numTrials: number) => {
    const values = Array.from({ length: numTrials }, (_, index) => (index % 2 === 0 ? 1 : -1));
    const std = Math.sqrt(numTrials / (numTrials - 1));
    return (estimate(values).margin! * Math.sqrt(numTrials)) / std;
  };
  expect(margin(10)).toBeCloseTo(2.262, 3);
  expect(margin(20)).toBeCloseTo(2.093, 2);
  expect(margin(120)).toBeCloseTo(1.98, 2);
});
