import fc from "fast-check";
import { expect, test } from "vitest";
import { combinationsOf, experimentSchema } from "../../experiments/experiment-config.ts";
import { runNamer } from "../../experiments/name-runs.ts";
import { curvesOf } from "../../experiments/report/curves.ts";
import type { RunOptions } from "../../experiments/run-options.ts";
import { canonicalJson } from "../../storage/canonical-json.ts";

function runsOf(...grid: readonly Readonly<Record<string, readonly unknown[]>>[]) {
  const base = { network: { name: "mlp", width: 8, depth: 1 }, numSamples: 40 };
  return combinationsOf(experimentSchema.parse({ name: "test", dataset: "set", base, grid })).map((options) => ({
    options,
  }));
}

/** Values to try, of every option of a run but the seed. */
const valuesOf: Readonly<Record<keyof Omit<RunOptions, "seed">, readonly unknown[]>> = {
  network: [
    "mlp-small",
    { name: "densenet", depths: [4, 4] },
    { name: "densenet", depths: [4, 8] },
    { name: "mlp", dropout: 0.5 },
  ],
  world: ["real", "ideal"],
  numSamples: [40, 80],
  steps: [10, 20],
  batchSize: [8, 16],
  optimizer: [
    { name: "sgd" },
    { name: "sgd", momentum: 0.9 },
    { name: "adam" },
    { name: "adamw" },
    { name: "adamw", beta2: 0.9 },
  ],
  learningRate: [0.1, 0.01],
  schedule: [{}, { name: "constant" }, { name: "step" }, { name: "step", milestones: [0.1] }],
  clipNorm: [undefined, 1, 2],
  loss: ["cross-entropy", "mse"],
  augmentation: ["none", "flip", "mixup"],
  classes: [undefined, ["cat", "dog"], ["cat", "frog"]],
  labelNoise: [undefined, { rate: 0.1 }, { rate: 0.1, on: "both" }, { rate: 0.2 }],
  pretraining: [
    undefined,
    { steps: 5 },
    { steps: 6 },
    { steps: 5, task: "rotation" },
    { steps: 5, dataset: "other" },
    { steps: 5, classes: ["cat"] },
  ],
  shuffle: [true, false],
  stopBelow: [0, 0.01],
  evaluation: [{}, { steps: 3 }, { testSamples: 7 }],
};

/** Lists of grids, each of at most five options with one to three values. */
const grids = fc.array(
  fc
    .subarray(Object.entries(valuesOf), { maxLength: 5 })
    .chain((chosen) =>
      fc.tuple(
        ...chosen.map(([key, values]) =>
          fc
            .subarray([...values], { minLength: 1, maxLength: Math.min(3, values.length) })
            .map((some) => [key, some] as const),
        ),
      ),
    )
    .map((entries) => Object.fromEntries(entries)),
  { minLength: 1, maxLength: 3 },
);

test("runs that differ in more than the seed have different names, in lists, tables and figures", () => {
  fc.assert(
    fc.property(grids, (all) => {
      const runs = runsOf(...all).slice(0, 300);
      const nameOf = runNamer(runs);
      const names = runs.map(({ options }) => nameOf(options));
      const numRuns = new Set(runs.map(({ options }) => canonicalJson(options))).size;
      expect(new Set(names.map(({ label }) => label)).size).toBe(numRuns);
      expect(new Set(names.map(({ network, setting, world }) => [network, setting, world].join("; "))).size).toBe(
        numRuns,
      );
      const rows = runs.map(({ options }, index) => {
        const { network, settingOfRow } = names[index]!;
        return [network, settingOfRow, options.world, options.numSamples].join("; ");
      });
      expect(new Set(rows).size).toBe(numRuns);
    }),
    { numRuns: 300 },
  );
});

test("two learning rates in both worlds are four curves, and a setting has the same name in both worlds", () => {
  const runs = runsOf({ learningRate: [0.1, 0.01], world: ["real", "ideal"] });
  const rows = [0, 10].map((step) => ({ step, set: "test", loss: 1, error: 1, softError: 0.5 }));
  const curves = curvesOf(runs.map((run, index) => ({ ...run, id: String(index), rows })));
  const lineOf = ({ network, setting, world }: (typeof curves)[number]) => [network, setting, world].join("; ");
  const lines = new Set(curves.map(lineOf));
  expect([...lines].sort()).toEqual([
    "mlp 8×1; no augmentation, learningRate 0.01; ideal",
    "mlp 8×1; no augmentation, learningRate 0.01; real 40",
    "mlp 8×1; no augmentation, learningRate 0.1; ideal",
    "mlp 8×1; no augmentation, learningRate 0.1; real 40",
  ]);
  for (const line of lines) {
    expect(curves.filter((point) => lineOf(point) === line).map(({ step }) => step)).toEqual([0, 10]);
  }
});

test("an option is named only where runs of one network differ in it", () => {
  const [mlp, vit] = [{ name: "mlp" }, "vit-small"];
  const runs = runsOf(
    { network: [mlp], world: ["real", "ideal"], learningRate: [0.1], stopBelow: [0, 0.5] },
    { network: [vit], optimizer: [{ name: "adamw" }], learningRate: [0.001], pretraining: [undefined, { steps: 5 }] },
  );
  const nameOf = runNamer(runs);
  expect(runs.map(({ options }) => nameOf(options).label)).toEqual([
    "mlp 2048×3, real 40, stopBelow 0, seed 0",
    "mlp 2048×3, real 40, stopBelow 0.5, seed 0",
    "mlp 2048×3, ideal, seed 0",
    "vit 4×128×4×4×512, real 40, seed 0",
    "vit 4×128×4×4×512, real 40, pretrained on labels, seed 0",
  ]);
  expect(new Set(runs.slice(0, 3).map(({ options }) => nameOf(options).setting))).toEqual(new Set(["no augmentation"]));
});
