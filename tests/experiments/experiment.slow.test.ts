import { readdir, readFile, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import {
  gatherResults,
  openExperiment,
  readResults,
  requireNoFailures,
  runPlanned,
  shareOfRuns,
  statusOf,
} from "../../experiments/index.ts";
import { resultsSchema } from "../../experiments/results.ts";
import { writeTable } from "../../shards/arrow/write-table.ts";
import { commitFile } from "../../storage/commit.ts";
import { errorOf } from "../support/expect-error.ts";
import { makeDataset, makeTestFolder } from "../support/make-rows.ts";
import { runCli } from "../support/run-cli.ts";
import { makeExperimentFile, noLive, runAll, tinyNetwork, tinyRun, writeExperimentFile } from "./make-experiment.ts";

async function planOf(config: Readonly<Record<string, unknown>>) {
  const file = await makeExperimentFile(config);
  const experiment = await openExperiment(join(dirname(file), "run"), file, noLive);
  await experiment.data.close();
  return { file, ...experiment };
}

test("a grid gives every combination and trial once; N changes nothing about the ideal world", async () => {
  const { runs } = await planOf({
    trials: 2,
    base: tinyRun,
    grid: { network: [tinyNetwork, "mcnn-small"], world: ["real", "ideal"], numSamples: [40, 80, 120] },
  });
  expect(runs).toHaveLength(2 * 2 * (3 + 1));
  expect(new Set(runs.map(({ id }) => id)).size).toBe(runs.length);
});

test("each of several grids gives its combinations, over the same base", async () => {
  const ideal = { world: ["ideal"], learningRate: [0.05, 0.1] };
  const { runs } = await planOf({ base: tinyRun, grid: [{ numSamples: [40, 80] }, ideal, ideal] });
  expect(runs.map(({ options: { world, numSamples, learningRate } }) => [world, numSamples, learningRate])).toEqual([
    ["real", 40, 0.05],
    ["real", 80, 0.05],
    ["ideal", 1, 0.05],
    ["ideal", 1, 0.1],
  ]);
});

test("a grid of a billion runs is refused before it is laid out", async () => {
  const values = Array.from({ length: 1000 }, (_, index) => index + 1);
  await errorOf(
    () => planOf({ base: tinyRun, grid: { seed: values, numSamples: values, batchSize: values } }),
    "experiment/out-of-range",
  );
});

test("a pretraining on another data set gets another hash when that set changes", async () => {
  const other = join(await makeTestFolder(), "other");
  const planned: string[] = [];
  for (const train of [60, 80]) {
    await rm(other, { recursive: true, force: true });
    await makeDataset(other, { train, test: 40, rowsPerShard: 60 });
    const { runs } = await planOf({ base: { ...tinyRun, pretraining: { task: "labels", dataset: other, steps: 5 } } });
    planned.push(runs[0]!.pretraining!.hash);
  }
  expect(planned[0]).not.toBe(planned[1]);
});

test("mixed precision gives another run, which trains to about the same metrics", async () => {
  const config = { base: tinyRun };
  const losses: number[] = [];
  const ids: string[] = [];
  for (const precision of ["float32", "mixed"]) {
    const file = await makeExperimentFile({ ...config, precision });
    const { runs, folder, ...experiment } = await runAll(join(dirname(file), "run"), file);
    await gatherResults({ runs, folder, ...experiment });
    ids.push(runs[0]!.id);
    losses.push((await readResults(folder.results)).runs[0]!.rows.at(-1)!.loss);
  }
  expect(ids[0]).not.toBe(ids[1]);
  expect(losses[1]).not.toBe(losses[0]);
  expect(Math.abs(losses[1]! - losses[0]!)).toBeLessThan(0.05);
});

test("workers share the runs, and those that start from the same weights go to one worker", async () => {
  const { runs } = await planOf({
    trials: 3,
    base: { ...tinyRun, pretraining: { task: "rotation", steps: 5 } },
    grid: { world: ["real", "ideal"], augmentation: ["none", "flip"] },
  });
  const shares = [0, 1].map((rank) => shareOfRuns(runs, { rank, worldSize: 2 }));
  expect(
    shares
      .flat()
      .map(({ id }) => id)
      .sort(),
  ).toEqual(runs.map(({ id }) => id).sort());
  for (const share of shares) expect(share.length).toBeGreaterThan(0);
  // One for each trial and augmentation: both worlds start from the same.
  expect(new Set(runs.map(({ pretraining }) => pretraining!.id)).size).toBe(3 * 2);
  const [first, second] = shares.map((share) => share.map(({ pretraining }) => pretraining!.id));
  for (const id of first!) expect(second).not.toContain(id);
});

test("runs that the data is too small for, and misspelled options, are refused before any training", async () => {
  const cases: [Record<string, unknown>, string, RegExp][] = [
    [
      { base: { ...tinyRun, world: "ideal", steps: 21 } },
      "experiment/pool-too-small",
      /21 steps × 10 images needs 210 images, the pool has 200.*at most 20 steps/,
    ],
    [{ base: { ...tinyRun, numSamples: 201 } }, "experiment/pool-too-small", /N = 201 .*the pool has 200/],
    [{ base: { ...tinyRun, numSamples: 9 } }, "experiment/pool-too-small", /at least a batch/],
    [
      { base: { ...tinyRun, stepps: 2 } },
      "experiment/unknown-key",
      /stepps is not a key of an experiment\. Did you mean steps\?/,
    ],
    [
      { base: { ...tinyRun, network: { name: "mlp", widht: 3 } } },
      "experiment/unknown-key",
      /network\.widht is not a key of an experiment\. Did you mean network\.width\?/,
    ],
    [
      { base: { ...tinyRun, network: "mcnn-smal" } },
      "experiment/out-of-range",
      /expected a preset .*mcnn-small.* got "mcnn-smal"/,
    ],
    [
      { base: { ...tinyRun, network: { name: "vitt" } } },
      "experiment/out-of-range",
      /network.name must be one of .*Did you mean vit\?/,
    ],
    [
      { base: { ...tinyRun, optimizer: { name: "sgd", momentun: 0.9 } } },
      "experiment/unknown-key",
      /Did you mean optimizer\.momentum\?/,
    ],
    [{ base: { ...tinyRun, world: "reel" } }, "experiment/out-of-range", /world .*got "reel"/],
    [{ base: tinyRun, trails: 3 }, "experiment/unknown-key", /Did you mean trials\?/],
    [{ base: { ...tinyRun, classes: ["cat", "dgo"] } }, "dataset/unknown-class", /dgo/],
  ];
  const file = await makeExperimentFile({});
  for (const [config, code, message] of cases) {
    await writeExperimentFile(dirname(file), config);
    expect((await errorOf(() => openExperiment(dirname(file), file, noLive), code)).message).toMatch(message);
  }
});

test("a run that diverges is marked as failed and not repeated, and the others are done", async () => {
  const file = await makeExperimentFile({ base: tinyRun, grid: { learningRate: [1e30, 0.05] } });
  const root = join(dirname(file), "run");
  const first = await runCli(["experiment", "run", file, "--run", root]);
  expect(first.exitCode).toBe(1);
  expect(first.stderr).toMatch(
    /experiment\/runs-failed: 1 of 2 runs failed: \w{12} \(the loss of step \d+ is \S+\)\. Change/,
  );
  const experiment = await runAll(root, file);
  const statuses = await Promise.all(experiment.runs.map((run) => statusOf(experiment, run)));
  expect(statuses).toEqual(["failed", "done"]);
  expect(() => requireNoFailures([], 2)).not.toThrow();
  const listed = await runCli(["experiment", "list", "--run", root]);
  expect(listed.stdout).toMatch(/^\w{12}\tfailed\tmlp 8×1, real 40, learningRate 1e\+30, seed 0\n\w{12}\tdone\t/);
});

test("a run whose metrics were deleted counts as open, and gets the same metrics when it is done again", async () => {
  const file = await makeExperimentFile({ base: tinyRun, grid: { seed: [0, 1] } });
  const root = join(dirname(file), "run");
  expect(await runCli(["experiment", "run", file, "--run", root])).toMatchObject({ exitCode: 0 });
  const listed = await runCli(["experiment", "list", "--run", root]);
  const path = join(root, "runs", listed.stdout.slice(0, 12), "metrics.arrow");
  const [before, results] = [await readFile(path), await readFile(join(root, "results.arrow"))];
  await rm(path);
  expect((await runCli(["experiment", "list", "--run", root])).stdout).toMatch(/^\w{12}\topen\t.*\n\w{12}\tdone\t/);
  expect(await runCli(["experiment", "run", "--run", root])).toMatchObject({ exitCode: 0 });
  expect((await readFile(path)).equals(before)).toBe(true);
  expect((await readFile(join(root, "results.arrow"))).equals(results)).toBe(true);
});

test("a run that is done is not done again, and leaves no checkpoints", async () => {
  const file = await makeExperimentFile({ base: tinyRun });
  const root = join(dirname(file), "run");
  const { runs } = await runAll(root, file);
  const folder = join(root, "runs", runs[0]!.id);
  expect((await readdir(folder)).sort()).toEqual(["events.out.tfevents.cifar5m", "metrics.arrow", "receipt.json"]);
  const before = await readFile(join(folder, "metrics.arrow"));
  const again = await openExperiment(root, file, noLive);
  const outcome = await runPlanned(again.runs[0]!, {
    ...again,
    signal: new AbortController().signal,
    onProgress: () => {},
  });
  await again.data.close();
  expect(outcome).toEqual({ kind: "kept" });
  expect((await readFile(join(folder, "metrics.arrow"))).equals(before)).toBe(true);
});

test("a real world that has converged ends early, at a step with metrics", async () => {
  const file = await makeExperimentFile({
    base: {
      ...tinyRun,
      network: { name: "mlp", width: 64, depth: 1 },
      numSamples: 20,
      steps: 400,
      learningRate: 0.3,
      schedule: { name: "constant" },
      stopBelow: 0.05,
      evaluation: { steps: 40, trainSamples: 20 },
    },
  });
  const root = join(dirname(file), "run");
  const refused = await runCli(["experiment", "run", file, "--run", root, "--threads", "0"]);
  expect([refused.exitCode, refused.stderr]).toEqual([
    2,
    expect.stringContaining("--threads must be an integer, at least 1"),
  ]);
  expect((await runCli(["experiment", "run", file, "--run", root, "--threads", "1"])).exitCode).toBe(0);
  const [result] = (await readResults(join(root, "results.arrow"))).runs;
  const train = result!.rows.filter(({ set }) => set === "train");
  expect(train.at(-1)!.loss).toBeLessThan(0.05);
  for (const row of train.slice(0, -1)) expect(row.loss).toBeGreaterThanOrEqual(0.05);
  expect(train.at(-1)!.step).toBeLessThan(400);
});

test("results of another version are refused", async () => {
  const file = await makeExperimentFile({ base: tinyRun });
  const path = join(dirname(file), "results.arrow");
  await commitFile(path, async (sink) => {
    await writeTable(sink, resultsSchema, [], { metadata: { "cifar5m.results": "2" } });
  });
  await errorOf(() => readResults(`${path}.none`), "experiment/no-results");
  const error = await errorOf(() => readResults(path), "experiment/results-version");
  expect(error.message).toMatch(/version 1, got 2/);
});

test("the hash of a run equals that of earlier releases, and does not depend on the number of the GPU", async () => {
  const hashes = async (more: object) => {
    const { runs } = await planOf({ base: tinyRun, ...more });
    return runs.flatMap(({ hash, pretraining }) => [hash, ...(pretraining === undefined ? [] : [pretraining.hash])]);
  };
  expect(await hashes({})).toEqual(["1d32b8628e4c1836d8abd41933619c3b650c7e6409318b758e2a9686d3fdb70d"]);
  const pretraining = { task: "labels", classes: ["cat", "dog"], steps: 5 };
  const base = { ...tinyRun, classes: ["bird", "deer", "frog", "horse"], pretraining };
  expect(await hashes({ base })).toEqual([
    "f2dc3f4980e76a1fa373b93ea7ddc19abeeb061467e584ea811a56f07ac303d2",
    "ee782efb7b6a6424e516afe5f3b6dc444db86fc9c4be8bedce1fe629947889fb",
  ]);
  expect(await hashes({ precision: "mixed" })).toEqual([
    "f7c743a3ca2b83566dcbb1de1cfe9e2105b9aa64dc71f571783b407671a39f39",
  ]);
  const cuda = await hashes({ base, device: "cuda" });
  expect(await hashes({ base, device: "cuda:1" })).toEqual(cuda);
});
