import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { openExperiment, runPlanned } from "../../experiments/index.ts";
import { makeExperimentFile, noLive, tinyRun } from "./make-experiment.ts";

test("the images of a pretraining that another run did count as kept, so each run comes to the same total", async () => {
  const pretraining = { task: "rotation", steps: 5 };
  const file = await makeExperimentFile({ base: { ...tinyRun, pretraining }, grid: { numSamples: [20, 40] } });
  const experiment = await openExperiment(join(dirname(file), "runs"), file, noLive);
  const { signal } = new AbortController();
  const counted: { readonly kept: number; readonly trained: number }[] = [];
  for (const run of experiment.runs) {
    let kept = 0;
    const images = new Map<string, number>();
    await runPlanned(run, {
      ...experiment,
      signal,
      onProgress: (id, progress) => images.set(id, progress.images),
      onKept: (count) => {
        kept += count;
      },
    });
    counted.push({ kept, trained: [...images.values()].reduce((sum, more) => sum + more, 0) });
  }
  await experiment.data.close();
  expect(counted).toEqual([
    { kept: 0, trained: (12 + 5) * 10 },
    { kept: 5 * 10, trained: 12 * 10 },
  ]);
});
