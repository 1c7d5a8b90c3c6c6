import { rm } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { inspectRun } from "../../../pipeline/inspect/inspect.ts";
import { runFolderAt } from "../../../pipeline/run/run-folder.ts";
import type { StepOptions } from "../../../pipeline/run/step.ts";
import { firstTestId } from "../../../pipeline/run/units.ts";
import { sampleAndLabelStep } from "../../../pipeline/steps.ts";
import { readManifest } from "../../../shards/format/manifest-file.ts";
import { filesOf, type GrowingSet, growTo, imageOf, optionsOf, rowsOf, stepsOf } from "../../support/grow-set.ts";
import { makeTestFolder } from "../../support/make-rows.ts";
import { runSteps, testContext } from "../../support/run-build.ts";

const newRoot = async () => join(await makeTestFolder(), "run");
/** Copies: one within the train images, one within the test images. */
const planted = new Map([
  [7, imageOf(3)],
  [firstTestId + 11, imageOf(firstTestId + 2)],
]);
const at = (count: number) => ({ count, testCount: 20 });
/** Deletes what the shards are made from. */
const deleteSources = async ({ root }: GrowingSet) => {
  for (const name of ["samples", "labels", "dedup"]) await rm(join(root, name), { recursive: true, force: true });
};

test("a set grows although what its shards were made from was deleted, and makes only those images again that it must", async () => {
  const set: GrowingSet = { root: await newRoot(), unitSize: 10, planted };
  await growTo(set, at(40));
  await deleteSources(set);
  const { removals, manifest } = await inspectRun(runFolderAt(set.root));
  expect(removals).toEqual(manifest!.removals);
  const before = await filesOf(join(set.root, "dataset"));
  const context = testContext();
  await growTo(set, at(100), context);
  // Two units had lost a row, which is in no shard: train-00000 and test-00001.
  expect(context.counts.get("sample/images")).toBe(60 + 20);
  expect(context.counts.get("label/images")).toBe(60);
  const after = await filesOf(join(set.root, "dataset"));
  for (const [name, state] of before) expect(after.get(name), name).toBe(state);
  const once: GrowingSet = { ...set, root: await newRoot() };
  await growTo(once, at(100));
  for (const split of ["train", "test"] as const) {
    expect(await rowsOf(set.root, split)).toEqual(await rowsOf(once.root, split));
  }
  const [grown, made] = await Promise.all([set, once].map(({ root }) => readManifest(join(root, "dataset"))));
  expect(grown!.splits).toEqual(made!.splits);
  expect(grown!.removals).toEqual(made!.removals);
});

test.each([
  ["stage by stage", (options: StepOptions) => stepsOf(options)],
  ["in one pass", (options: StepOptions) => [sampleAndLabelStep(options), ...stepsOf(options).slice(3)]],
])("of a finished set nothing is made again when what its shards were made from was deleted, %s", async (_, steps) => {
  const set: GrowingSet = { root: await newRoot(), unitSize: 10, planted };
  await growTo(set, at(50));
  await deleteSources(set);
  const before = await filesOf(set.root);
  const build = async () => {
    const context = testContext();
    await runSteps(steps(optionsOf(set, at(50))), context);
    return context.counts;
  };
  const counts = await build();
  expect([...counts.keys()].filter((key) => key.endsWith("/images"))).toEqual([]);
  expect(counts.get("label/kept")).toBe(70);
  expect(await filesOf(set.root)).toEqual(before);

  // A shard that is lost too is made again, from samples that are made again.
  const shard = join("dataset", "train", "part-00003.arrow");
  await rm(join(set.root, shard));
  expect((await build()).get("sample/images")).toBe(70);
  const hashOf = (state: string | undefined) => state?.split(" ")[0];
  expect(hashOf((await filesOf(set.root)).get(shard))).toBe(hashOf(before.get(shard)));

  await deleteSources(set);
  await growTo(set, at(100));
  const once: GrowingSet = { ...set, root: await newRoot() };
  await growTo(once, at(100));
  expect(await rowsOf(set.root, "train")).toEqual(await rowsOf(once.root, "train"));
});
