import { mkdtemp, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { BuildSources } from "../../pipeline/build.ts";
import { trainModel } from "../../pipeline/models/train-model.ts";
import { resolveConfig } from "../../pipeline/run/config.ts";
import { runFolderAt } from "../../pipeline/run/run-folder.ts";
import { pinConfig, readPinnedConfig } from "../../storage/pin-config.ts";
import { openTrainingStore } from "../../storage/training-store.ts";
import { errorOf } from "../support/expect-error.ts";
import { cifar10FileBytes, makeCifar10, recordsPerFile } from "../support/make-cifar-10.ts";
import { fetchInto, runBuild, smallConfig, testContext } from "../support/run-build.ts";
import { standInRuntime } from "../support/stand-in-runtime.ts";

let folder: string;
let data: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "cifar5m-pinned-"));
  data = join(folder, "cifar-10");
  await makeCifar10(data);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

test("a build that fails before its first work pins nothing, so the corrected command is accepted", async () => {
  const other = join(folder, "corrected");
  const damaged = join(folder, "damaged");
  await makeCifar10(damaged);
  // Data of another set, and cut data: the run must be pinned to neither.
  await writeFile(join(damaged, "data_batch_1.bin"), cifar10FileBytes(7));
  await truncate(join(damaged, "data_batch_4.bin"), 3072);
  const failing = (sources: BuildSources, config: object, code: string) =>
    errorOf(
      () =>
        runBuild({ root: other, runtime: standInRuntime(), sources, config: { ...smallConfig, count: 40, ...config } }),
      code,
    );
  await failing({ data: join(folder, "misspelled") }, {}, "disk/missing");
  await failing({ data: damaged }, {}, "cifar10/wrong-size");
  await failing({ data }, { recordsPerFile: 7 }, "cifar10/wrong-size");
  await failing({ data, labeler: join(folder, "misspelled") }, {}, "disk/missing");
  await failing({ data }, { sampler: { name: "consistency" } }, "config/out-of-range");
  const untrainable = { sampler: { conditional: true }, generator: { numClasses: 0 } };
  await failing({ data }, untrainable, "config/out-of-range");
  const failedTraining = { ...standInRuntime().train, generator: () => Promise.reject(new Error("no memory")) };
  const runtime = { ...standInRuntime(), train: failedTraining };
  await expect(runBuild({ root: other, runtime, sources: { data } })).rejects.toThrow("no memory");
  await runBuild({ root: other, runtime: standInRuntime(), sources: { data } });
});

test("the model options that a killed call pinned do not bind later calls until there is a checkpoint", async () => {
  const paths = runFolderAt(join(folder, "killed"));
  const context = testContext();
  const train = (epochs: number, delayMs = 0, signal = context.signal) => {
    const config = resolveConfig({ recordsPerFile, labeler: { epochs } });
    const options = { folder: paths, name: "labeler", config, runtime: standInRuntime({ delayMs }) } as const;
    return trainModel(options, { ...context, signal });
  };
  await fetchInto(paths, data);
  await pinConfig(paths.modelConfig("labeler"), { killed: "by the system, for want of memory" });
  const controller = new AbortController();
  const interrupted = train(3, 20, controller.signal);
  while ((await openTrainingStore(paths.training("labeler")).load()) === undefined) await sleep(5);
  controller.abort();
  await expect(interrupted).rejects.toThrow();
  await errorOf(() => train(4), "run/config-changed");
  await train(3);
  await errorOf(() => train(4), "run/config-changed");
});

test("ranks other than 0 pin nothing of a model that must be trained", async () => {
  const paths = runFolderAt(join(folder, "rank-1"));
  const context = testContext({ rank: 1, worldSize: 2 });
  await fetchInto(paths, data);
  const options = { folder: paths, name: "labeler", config: resolveConfig({ recordsPerFile }) } as const;
  await errorOf(() => trainModel({ ...options, runtime: standInRuntime() }, context), "run/not-rank-zero");
  expect(await readPinnedConfig(paths.modelConfig("labeler"))).toBeUndefined();
});
