import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { cifar10ClassNames } from "../../core/image-layout.ts";
import { openExperiment } from "../../experiments/index.ts";
import { readFinishedRuns } from "../../experiments/results.ts";
import { batchesFrom } from "../../experiments/worlds.ts";
import { errorOf } from "../support/expect-error.ts";
import { makeRows } from "../support/make-rows.ts";
import { makeExperimentFile, noLive, runAll, tinyNetwork, tinyRun } from "./make-experiment.ts";

test("the real world with as many samples as steps need, in the ideal world's order, is the ideal world, step by step", async () => {
  const file = await makeExperimentFile({
    base: {
      ...tinyRun,
      augmentation: "crop-flip",
      shuffle: false,
      numSamples: 120,
      stopBelow: 0,
      evaluation: { steps: "paper", testSamples: 30 },
    },
    grid: { network: [tinyNetwork, { name: "mcnn", width: 2 }], world: ["real", "ideal"] },
  });
  const { folder, runs } = await runAll(join(dirname(file), "run"), file);
  const results = await readFinishedRuns(folder, runs);
  expect(results).toHaveLength(4);
  for (const index of [0, 2]) {
    const [real, ideal] = results.slice(index, index + 2).map(({ rows }) => rows.filter(({ set }) => set === "test"));
    expect(real).toHaveLength(4);
    expect(real!.at(-1)!.loss).not.toBe(real![0]!.loss);
    expect(real).toEqual(ideal);
  }
});

test("with fewer samples the real world equals the ideal one in the first epoch, and then differs", async () => {
  const file = await makeExperimentFile({
    base: { ...tinyRun, shuffle: false, numSamples: 40, stopBelow: 0, steps: 16, evaluation: { steps: "paper" } },
    grid: { world: ["real", "ideal"] },
  });
  const { folder, runs } = await runAll(join(dirname(file), "run"), file);
  const [real, ideal] = (await readFinishedRuns(folder, runs)).map(({ rows }) =>
    rows.filter(({ set }) => set === "test").map(({ loss }) => loss),
  );
  expect(real!.slice(0, 2)).toEqual(ideal!.slice(0, 2));
  for (const index of [2, 3, 4]) expect(real![index]).not.toBe(ideal![index]);
});

test("when the pool is used up, the ideal world continues with images made on demand, each once", async () => {
  const file = await makeExperimentFile({ live: "anywhere", base: { ...tinyRun, world: "ideal", steps: 25 } });
  const asked: number[] = [];
  let numClosed = 0;
  const { folder, runs } = await runAll(join(dirname(file), "run"), file, async () => ({
    fingerprint: "stand-in",
    classNames: cifar10ClassNames,
    load: () => Promise.resolve(),
    sample: async (ids) => {
      asked.push(...ids);
      const { image, probabilities, class: classes } = makeRows([...ids]);
      return { images: image, probabilities, classes };
    },
    close: async () => {
      numClosed++;
    },
  }));
  // 25 steps of 10 images, of which the pool has 200.
  expect(asked).toHaveLength(50);
  expect(new Set(asked).size).toBe(50);
  expect(numClosed).toBe(1);
  expect((await readFinishedRuns(folder, runs))[0]!.rows.at(-1)!.step).toBe(25);
});

test("without shuffling, N that is not a multiple of the batch size has whole batches, the same in every epoch", async () => {
  const file = await makeExperimentFile({
    base: { ...tinyRun, shuffle: false, numSamples: 45, stopBelow: 0, steps: 9 },
  });
  const { data, runs } = await openExperiment(join(dirname(file), "run"), file, noLive);
  const ids: string[] = [];
  for await (const batch of batchesFrom({ train: data.train, live: undefined }, runs[0]!.options, 0)) {
    ids.push([...batch.ids].join());
    if (ids.length === 9) break;
  }
  await data.close();
  expect(ids[0]!.split(",")).toHaveLength(10);
  expect(ids.slice(4, 8)).toEqual(ids.slice(0, 4));
  expect(ids[8]).toBe(ids[0]);
});

test("all images without shuffling are refused, since they would come in the order of the files", async () => {
  const file = await makeExperimentFile({ base: { ...tinyRun, shuffle: false, numSamples: 200 } });
  const { message } = await errorOf(
    () => openExperiment(join(dirname(file), "run"), file, noLive),
    "experiment/out-of-range",
  );
  expect(message).toMatch(/^numSamples must be below the size of the pool \(200\) where shuffle is false, got 200: .*/);
});
