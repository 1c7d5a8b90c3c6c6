import { expect, test } from "vitest";
import { compareWorlds, describeStep } from "../../experiments/compare-worlds.ts";
import { figuresOf } from "../../experiments/report/figures.ts";
import { reportPage, verdict } from "../../experiments/report/page.ts";
import type { RunResult } from "../../experiments/results.ts";
import { type RunOptions, runOptionsSchema } from "../../experiments/run-options.ts";
import { renderChart } from "../../pictures/render-chart.ts";

const options = (over: Record<string, unknown>): RunOptions =>
  runOptionsSchema.parse({ network: { name: "mlp" }, steps: 20, ...over });

/** Both worlds of a setting: test soft errors that lie `gap` apart, and whether each trial's real world converges. */
function pairsOf(learningRate: number, gap: number, converges: readonly boolean[]): RunResult[] {
  const row = (step: number, set: string, softError: number) => ({ step, set, loss: 1, error: 1, softError });
  return converges.flatMap((isConverged, seed) => [
    {
      id: `real ${learningRate} ${seed}`,
      options: options({ learningRate, seed }),
      rows: [10, 20].flatMap((step) => [row(step, "train", isConverged ? 0.01 : 0.5), row(step, "test", 0.3 + gap)]),
    },
    {
      id: `ideal ${learningRate} ${seed}`,
      options: options({ learningRate, seed, world: "ideal", numSamples: 1, stopBelow: 0 }),
      rows: [10, 20].map((step) => row(step, "test", 0.3)),
    },
  ]);
}

test("the verdict gives the median gap, also of an even number of settings", () => {
  const runs = [...pairsOf(0.1, 0.01, [true]), ...pairsOf(0.2, 0.09, [false])];
  expect(verdict(compareWorlds(runs))).toBe(
    "In 2 settings the soft errors of real and ideal world differ by 5.00% in the median and 9.00% at most, " +
      "where the real world's train soft error reaches 1.00% (1 settings), or at its last step (1).",
  );
});

test("a setting in which some trials converged says in how many, beside the mean step", () => {
  const runs = [
    ...pairsOf(0.1, 0.01, [true, true]),
    ...pairsOf(0.2, 0.01, [true, false]),
    ...pairsOf(0.3, 0.01, [false, false]),
  ];
  const comparisons = compareWorlds(runs);
  const expected = ["10", "15 (1 of 2 converged)", "20 (not converged)"];
  expect(comparisons.map(describeStep)).toEqual(expected);
  expect(verdict(comparisons)).toMatch(
    /\(1 settings\), or at its last step \(1\), or at either where only some trials reach it \(1\)\.$/,
  );
  const page = reportPage({ name: "test", data: {}, runs, comparisons, figures: [] });
  for (const [index, step] of expected.entries()) {
    const setting = `no augmentation, learningRate 0.${index + 1}`;
    expect(page).toContain(`<tr><td>mlp 2048×3</td><td>${setting}</td><td>test</td><td>50000</td><td>${step}</td>`);
  }
});

test("each learning rate has a line of its own in each world, and its whole name in the legend", async () => {
  const runs = [...pairsOf(0.1, 0.01, [true, true]), ...pairsOf(0.02, 0.05, [true, true])].map((run) => ({
    ...run,
    options: { ...run.options, labelNoise: { rate: 0.1, on: "train" as const }, loss: "mse" as const },
  }));
  const [figure, ...others] = figuresOf(runs, compareWorlds(runs));
  // Names of networks are whole, too.
  expect(JSON.stringify(others)).toContain('"color":{"field":"network","type":"nominal","legend":{"labelLimit":0}}');
  const svg = await renderChart(figure!.spec);
  expect(svg.match(/aria-roledescription="line mark"/g)).toHaveLength(4);
  for (const rate of [0.1, 0.02]) {
    expect(svg).toContain(`>no augmentation, label noise 0.1, learningRate ${rate}</text>`);
  }
});
