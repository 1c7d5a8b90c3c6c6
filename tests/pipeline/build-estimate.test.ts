import { readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { type BuildEstimate, estimateStep } from "../../pipeline/build-estimate.ts";
import { resolveConfig } from "../../pipeline/run/config.ts";
import { recipes } from "../../pipeline/run/recipes.ts";
import { runFolderAt } from "../../pipeline/run/run-folder.ts";
import { summarizeEstimate } from "../../scripts/cli/summarize-estimate.ts";
import { openTrainingStore } from "../../storage/training-store.ts";
import { makeCifar10 } from "../support/make-cifar-10.ts";
import { makeTestFolder } from "../support/make-rows.ts";
import { runBuild, runSteps, smallConfig, testContext } from "../support/run-build.ts";
import { standInRuntime } from "../support/stand-in-runtime.ts";

async function estimate(
  root: string,
  given: object,
  { data, worldSize = 1 }: { data?: string; worldSize?: number } = {},
): Promise<BuildEstimate> {
  const found: BuildEstimate[] = [];
  const options = {
    folder: runFolderAt(root),
    config: resolveConfig(given),
    runtime: standInRuntime({ delayMs: 2 }),
    takeOver: true,
  };
  await runSteps([estimateStep(options, { data }, (one) => found.push(one))], testContext({ worldSize }));
  return found[0]!;
}

test("a build of millions is measured: images, disk, and time that workers share", async () => {
  const root = join(await makeTestFolder(), "new", "run");
  const alone = await estimate(root, {});
  expect(alone).toMatchObject({ train: 5_000_000, test: 1_000_000, remaining: 6_000_000, trains: false });
  expect(alone.bytes / 6_000_000).toBeCloseTo(6268, -1);
  expect(alone.freeBytes).toBeGreaterThan(0);
  // A batch of 16 images waits 2 ms at least, one of 100 as well.
  expect(alone.remainingMs.sample).toBeGreaterThan((6_000_000 / 16) * 2);
  expect(alone.remainingMs.label).toBeGreaterThan((6_000_000 / 100) * 2);
  const shared = await estimate(root, {}, { worldSize: 1000 });
  expect(shared.remainingMs.sample).toBeLessThan(alone.remainingMs.sample! / 10);
});

test("a sampler of a thousand calls is timed by few of them", async () => {
  const root = join(await makeTestFolder(), "run");
  const original = { sampler: { name: "ddpm", steps: 1000, schedule: "linear-beta", conditional: false } };
  const { remainingMs } = await estimate(root, { ...original, count: 1000, testCount: 0 });
  expect(remainingMs.sample).toBeGreaterThan(0);
});

test("nothing is measured for few images, for untrained models, and for finished builds", async () => {
  const folder = await makeTestFolder();
  const [data, root] = [join(folder, "cifar-10"), join(folder, "run")];
  await makeCifar10(data);
  expect((await estimate(root, smallConfig)).remainingMs).toEqual({});
  expect(await estimate(root, {}, { data })).toMatchObject({ remainingMs: {}, trains: true });
  await runBuild({ root, runtime: standInRuntime(), sources: { data } });
  const finished = await estimate(root, smallConfig, { data });
  expect(finished).toMatchObject({ remaining: 0, remainingMs: {}, trains: false, isWritten: true });
  const more = await estimate(root, { ...smallConfig, count: smallConfig.count + 1000 });
  expect((more.bytesLeft - finished.bytesLeft) / (1000 * 6268)).toBeCloseTo(1, 1);
  expect(finished.bytesLeft).toBeLessThan(finished.bytes / 2);
});

test("a new run of the shipped generator by the default recipe is told of the faster one, and takes the disk it is told", async () => {
  const root = join(await makeTestFolder(), "run");
  expect(await estimate(root, {})).toMatchObject({ suggestsTuned: true });
  expect(await estimate(root, recipes.tuned)).toMatchObject({ suggestsTuned: false });
  expect(await estimate(root, { sampler: { guidance: 1.5 } })).toMatchObject({ suggestsTuned: false });
  expect(await estimate(root, {}, { data: "cifar-10" })).toMatchObject({ suggestsTuned: false });
  const trained = runFolderAt(join(root, "trained"));
  await openTrainingStore(trained.training("generator")).save(new Uint8Array(8), 100);
  expect(await estimate(trained.root, {})).toMatchObject({ suggestsTuned: false });
  await rm(trained.root, { recursive: true });
  const { bytes } = await estimate(root, smallConfig);
  await runBuild({ root, runtime: standInRuntime(), sources: {} });
  // The models of a small run are most of it.
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => stat(join(entry.parentPath, entry.name)));
  const written = (await Promise.all(files)).reduce((sum, { size }) => sum + size, 0);
  expect(Math.abs(bytes / written - 1)).toBeLessThan(0.05);
  expect((await estimate(root, smallConfig, { data: "cifar-10" })).bytes - bytes).toBe(
    6 * 3073 * smallConfig.recordsPerFile,
  );
  expect(await estimate(root, { count: 40 })).toMatchObject({ suggestsTuned: false });
});

test("the estimate of a build is printed in plain lines", () => {
  const plain = {
    train: 5_000_000,
    test: 1_000_000,
    remaining: 4_000_000,
    bytes: 37.6e9,
    bytesLeft: 25.1e9,
    isWritten: false,
    freeBytes: 120e9,
    trains: false,
    suggestsTuned: false,
  };
  expect(summarizeEstimate({ ...plain, remainingMs: { sample: 7.2e6, label: 3.6e6 } })).toEqual([
    "build            6,000,000 images: 5,000,000 train, 1,000,000 test, 2,000,000 of them sampled before",
    "build            about 37.6 GB of disk, 25.1 GB of it not written yet (120.0 GB free)",
    "build            about 3 h 0 min of time: 2 h 0 min to sample, 1 h 0 min to label",
  ]);
  expect(summarizeEstimate({ ...plain, remainingMs: {}, suggestsTuned: true }).at(-1)).toBe(
    "hint: with the shipped weights, --recipe tuned is about eight times as fast as this recipe, at slightly lower " +
      "quality (Fréchet distance 12.0 instead of 9.6, docs/scores.md). A run keeps its recipe: to take it, stop this build and name another folder, as in `cifar5m build OTHER-FOLDER --recipe tuned`.",
  );
  const repeated = summarizeEstimate({ ...plain, remaining: 0, isWritten: true, remainingMs: {} });
  expect(repeated[1]).toBe("build            about 37.6 GB of disk (120.0 GB free)");
  const crowded = summarizeEstimate({ ...plain, freeBytes: 1e9, remainingMs: {}, trains: true });
  expect(crowded.slice(1)).toEqual([
    "build            about 37.6 GB of disk, 25.1 GB of it not written yet, besides models and checkpoints of the training (1.0 GB free)",
    "build            how long it takes will show when the models are trained",
    "warning: the disk may be too small. Free some space, or choose a smaller --count.",
  ]);
});
