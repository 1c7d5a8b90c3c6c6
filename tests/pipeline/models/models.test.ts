import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { buildSteps } from "../../../pipeline/build.ts";
import { importModel, pinModel, writeModel } from "../../../pipeline/models/models.ts";
import { planTraining } from "../../../pipeline/models/plan-training.ts";
import { resolveConfig } from "../../../pipeline/run/config.ts";
import { recipes } from "../../../pipeline/run/recipes.ts";
import { runFolderAt } from "../../../pipeline/run/run-folder.ts";
import { readPinnedConfig } from "../../../storage/pin-config.ts";
import { fileExists } from "../../../storage/read-file.ts";
import { openTrainingStore, readTrainingLog, withTraining } from "../../../storage/training-store.ts";
import { errorOf } from "../../support/expect-error.ts";
import { makeCifar10, recordsPerFile } from "../../support/make-cifar-10.ts";
import { makeTestFolder } from "../../support/make-rows.ts";
import { fetchInto, runSteps, testContext } from "../../support/run-build.ts";
import { standInRuntime } from "../../support/stand-in-runtime.ts";

async function makeRunWithCifar10() {
  const folder = runFolderAt(await makeTestFolder());
  await makeCifar10(join(folder.root, "source"));
  await fetchInto(folder, join(folder.root, "source"));
  return folder;
}

const identityOf = (numImages: number) => ({ options: { numImages } });

test("a command with other options is refused and leaves the files of a running training as they are", async () => {
  const folder = runFolderAt(await makeTestFolder());
  const training = folder.training("generator");
  await pinModel(folder, "generator", identityOf(1000));
  const store = openTrainingStore(training);
  const log = (step: number) => store.log({ step, loss: 1, imagesPerSecond: 1 });
  await log(1);
  await store.save(Uint8Array.of(1), 1);
  await log(2);
  const filesOf = async () =>
    await Promise.all(
      (await readdir(training)).sort().map(async (name) => [name, await readFile(join(training, name))]),
    );
  const before = await filesOf();
  await errorOf(() => pinModel(folder, "generator", identityOf(500)), "run/config-changed");
  expect(await filesOf()).toEqual(before);
  await log(3);
  expect((await readTrainingLog(training)).map(({ step }) => step)).toEqual([1, 2, 3]);
});

test("options of a training without a checkpoint give way, whatever else its folder holds", async () => {
  const folder = runFolderAt(await makeTestFolder());
  await pinModel(folder, "labeler", identityOf(1000));
  await mkdir(folder.training("labeler"), { recursive: true });
  for (const name of ["log.jsonl", "checkpoint-1.safetensors"]) {
    await writeFile(join(folder.training("labeler"), name), "");
  }
  await pinModel(folder, "labeler", identityOf(500));
  expect(await readPinnedConfig(folder.modelConfig("labeler"))).toEqual(identityOf(500));
});

test("of many values that differ, five are named", async () => {
  const folder = runFolderAt(await makeTestFolder());
  await writeModel({ folder, name: "labeler", bytes: new Uint8Array(), identity: { a: 1, b: 1, c: 1, d: 1, e: 1 } });
  const five = "a is 1, now not set; b is 1, now not set; c is 1, now not set; d is 1, now not set; e is 1, now 2";
  const { message } = await errorOf(() => pinModel(folder, "labeler", { e: 2 }), "run/config-changed");
  expect(message).toContain(`begun with other values: ${five}. Leave`);
  const more = await errorOf(() => pinModel(folder, "labeler", { e: 2, f: 1, g: 1 }), "run/config-changed");
  expect(more.message).toContain(`begun with other values: ${five}; and 2 more. Leave`);
});

test("a finished labeler is kept under the options that its release lacked, and refused under other values of them", async () => {
  const folder = await makeRunWithCifar10();
  const config = (labeler: object = {}) => resolveConfig({ recordsPerFile, labeler });
  const plan = (labeler?: object) => planTraining({ folder, name: "labeler", config: config(labeler) });
  const { identity } = await plan();
  expect(identity["options"]).not.toHaveProperty("cutout");
  await writeModel({ folder, name: "labeler", bytes: new Uint8Array(), identity });
  expect((await plan()).pinnedFirst).toEqual(identity);
  const { pinnedFirst } = await plan({ cutout: 8 });
  const { message } = await errorOf(() => pinModel(folder, "labeler", pinnedFirst), "run/config-changed");
  expect(message).toContain("options.cutout is not set, now 8");
});

test("a finished labeler that was trained with cutout is refused without it", async () => {
  const folder = await makeRunWithCifar10();
  const plan = (labeler: object) =>
    planTraining({ folder, name: "labeler", config: resolveConfig({ recordsPerFile, labeler }) });
  const { identity } = await plan({ cutout: 8 });
  await writeModel({ folder, name: "labeler", bytes: new Uint8Array(), identity });
  const { pinnedFirst } = await plan({});
  const { message } = await errorOf(() => pinModel(folder, "labeler", pinnedFirst), "run/config-changed");
  expect(message).toContain("options.cutout is 8, now 0");
});

test("no model is brought in while one of its kind is being trained", async () => {
  const folder = runFolderAt(await makeTestFolder());
  const context = testContext();
  await withTraining(folder.training("labeler"), context, async () => {
    await errorOf(() => importModel(folder, "labeler", new Uint8Array(8)), "train/under-way");
    await importModel(folder, "generator", new Uint8Array(8));
    // A build says so before it pins anything.
    const options = { folder, config: resolveConfig({}), runtime: standInRuntime(), takeOver: true };
    await errorOf(() => runSteps(buildSteps(options, {}), testContext()), "train/under-way");
    expect(await fileExists(folder.config)).toBe(false);
  });
  await importModel(folder, "labeler", new Uint8Array(8));
  expect(await readPinnedConfig(folder.modelConfig("labeler"))).toHaveProperty("weights");
});

test("a build that would train for consistency sampling says that it trains, and what brings CIFAR-10 in alone", async () => {
  const folder = runFolderAt(await makeTestFolder());
  const options = { folder, config: resolveConfig(recipes.tuned), runtime: standInRuntime(), takeOver: true };
  const build = () => runSteps(buildSteps(options, { data: "none" }), testContext());
  expect((await errorOf(build, "config/out-of-range")).message).toContain("run `cifar5m fetch RUN --data`");
});

test("a model that was brought in is not trained, and the error says where one is", async () => {
  const folder = runFolderAt(await makeTestFolder());
  await importModel(folder, "generator", new Uint8Array(8));
  const config = resolveConfig({});
  const { message } = await errorOf(() => planTraining({ folder, name: "generator", config }), "train/finished");
  expect(message).toBe(
    `${folder.model("generator")} was brought in as it is, so this run trains no generator. Train one in another run ` +
      "folder; here, `cifar5m build` without --data uses what is there.",
  );
  // A build says so before it fetches CIFAR-10.
  const options = { folder, config, runtime: standInRuntime(), takeOver: true };
  await errorOf(() => runSteps(buildSteps(options, { data: "none" }), testContext()), "train/finished");
});
