import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { writeCard } from "../../../pipeline/card/write-card.ts";
import { planSubmission, readProgress } from "../../../pipeline/cluster/plan-submission.ts";
import { regenerateImage } from "../../../pipeline/repair/regenerate.ts";
import { readRun, readRunConfig } from "../../../pipeline/run/run.ts";
import { runFolderAt } from "../../../pipeline/run/run-folder.ts";
import { firstTestId } from "../../../pipeline/run/units.ts";
import { readStatus } from "../../../pipeline/status/read-status.ts";
import { dedupStep, fingerprintStep, labelStep, manifestStep, publishStep } from "../../../pipeline/steps.ts";
import { readManifest } from "../../../shards/format/manifest-file.ts";
import { type LiveSource, openDataset } from "../../../shards/index.ts";
import { sealJson } from "../../../storage/canonical-json.ts";
import { errorOf } from "../../support/expect-error.ts";
import { type GrowingSet, growTo, installModels, optionsOf, stepsOf } from "../../support/grow-set.ts";
import { makeTestFolder } from "../../support/make-rows.ts";
import { runSteps, testContext } from "../../support/run-build.ts";

const newRoot = async () => join(await makeTestFolder(), "run");
const at = (count: number, testCount = 20) => ({ count, testCount });

test("a run that grows is not finished while its manifest lists an earlier size, and its last job is planned", async () => {
  const set: GrowingSet = { root: await newRoot(), unitSize: 10 };
  await growTo(set, at(20));
  const run = runFolderAt(set.root);
  const progress = async () => await readProgress(run, (await readRun(run)).units);
  expect([(await readStatus(run)).isFinished, (await progress()).isFinished]).toEqual([true, true]);
  const manifest = await readFile(run.manifest);
  await growTo(set, at(30));
  await writeFile(run.manifest, manifest);
  expect((await readStatus(run)).isFinished).toBe(false);
  const plan = planSubmission({ ...(await progress()), isPrepared: true }, { tasks: 2, uploads: false });
  expect(plan).toEqual([{ name: "finish" }]);
});

test("images of a live source have ids that no image has, however the set grows, also where it has no test images", async () => {
  const set: GrowingSet = { root: await newRoot(), unitSize: 10 };
  await growTo(set, at(20, 0));
  const dataset = await openDataset(join(set.root, "dataset"));
  const asked: number[] = [];
  const live: LiveSource = {
    sample: async (ids) => {
      asked.push(...ids);
      const [images, probabilities] = [new Uint8Array(ids.length * 3072), new Float32Array(ids.length * 10).fill(0.1)];
      return { images, probabilities, classes: new Int8Array(ids.length) };
    },
  };
  const loader = dataset.loader({ regime: "infinite", batchSize: 12, live });
  const iterator = loader[Symbol.asyncIterator]();
  for (let step = 0; step < 2; step++) await iterator.next();
  dataset.close();
  expect(asked.slice(0, 4)).toEqual([0, 1, 2, 3].map((index) => 2 * firstTestId + index));
});

test("a worker that began before the set grew does not put the older manifest in the place of the newer", async () => {
  const set: GrowingSet = { root: await newRoot(), unitSize: 10 };
  await growTo(set, at(20, 5));
  const late = stepsOf(optionsOf(set, at(20, 5)));
  await growTo(set, at(40, 5));
  const newest = await readManifest(join(set.root, "dataset"));
  await errorOf(() => runSteps(late, testContext()), "run/config-changed");
  expect(await readManifest(join(set.root, "dataset"))).toEqual(newest);
});

test("an image of a grown set is made again from its id, and an id that there is not is refused", async () => {
  const set: GrowingSet = { root: await newRoot(), unitSize: 10 };
  await growTo(set, at(12, 5));
  await growTo(set, at(31, 8));
  const { folder: paths, config, runtime } = optionsOf(set, at(31, 8));
  for (const id of [0, 11, 12, 30, firstTestId, firstTestId + 7]) {
    expect((await regenerateImage({ folder: paths, config, runtime, id })).differing).toEqual([]);
  }
  const { message } = await errorOf(
    () => regenerateImage({ folder: paths, config, runtime, id: 31 }),
    "regenerate/no-such-id",
  );
  expect(message).toContain("id must lie in [0, 31) or [1000000000000, 1000000000008), got 31");
});

test("the commands on the card of a grown set make that very set again", async () => {
  const set: GrowingSet = { root: await newRoot(), unitSize: 10 };
  for (const size of [at(12, 0), at(31, 8)]) await growTo(set, size);
  const { sha256 } = await readManifest(join(set.root, "dataset"));
  await writeCard({ root: set.root });
  const card = await readFile(join(set.root, "dataset", "README.md"), "utf8");
  const commands = card.replaceAll("\\\n", "").match(/^cifar5m build runs\/mine .*$/gm) ?? [];
  const numberAfter = (flag: string, command: string) => Number(new RegExp(`${flag} (\\d+)`).exec(command)?.[1]);
  const again: GrowingSet = { root: await newRoot(), unitSize: 10 };
  for (const command of commands) {
    await growTo(again, at(numberAfter("--count", command), numberAfter("--test-count", command)));
  }
  expect((await readManifest(join(again.root, "dataset"))).sha256).toBe(sha256);
});

test("a size of another release is refused by the name of its file", async () => {
  const set: GrowingSet = { root: await newRoot(), unitSize: 10 };
  await growTo(set, at(20));
  const run = runFolderAt(set.root);
  await mkdir(join(set.root, "growth"), { recursive: true });
  await writeFile(run.growth(1), sealJson({ version: 2, ...at(30) }));
  const { message } = await errorOf(() => readRun(run), "run/unreadable");
  expect(message).toBe(`${run.growth(1)}: version must be 1, got 2. Use the cifar5m that wrote it.`);
});

test("a stage that makes no images neither begins a run nor lets one grow", async () => {
  const set: GrowingSet = { root: await newRoot(), unitSize: 10 };
  await installModels(set.root);
  const stages = [labelStep, fingerprintStep, dedupStep, publishStep, manifestStep];
  const run = runFolderAt(set.root);
  for (const stage of stages) {
    await errorOf(() => runSteps([stage(optionsOf(set, at(20)))], testContext()), "run/missing");
  }
  expect(await readRunConfig(run)).not.toHaveProperty("count");
  await growTo(set, at(20));
  for (const stage of stages) {
    const { message } = await errorOf(
      () => runSteps([stage(optionsOf(set, at(30)))], testContext()),
      "run/config-changed",
    );
    expect(message).toContain("has 20 + 20 images, not 30 + 20: let it grow by `cifar5m build`");
  }
  expect((await readRun(run)).sizes).toEqual([at(20)]);
});
