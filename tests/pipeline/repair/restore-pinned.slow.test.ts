import { cp, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { restorePinned } from "../../../pipeline/repair/restore-pinned.ts";
import { resolveConfig } from "../../../pipeline/run/config.ts";
import { pinnedOfManifest } from "../../../pipeline/run/pinned-of-manifest.ts";
import { pinnedFiles, readPinnedRun } from "../../../pipeline/run/pinned-run.ts";
import { recipes } from "../../../pipeline/run/recipes.ts";
import { runFolderAt } from "../../../pipeline/run/run-folder.ts";
import { readManifest } from "../../../shards/format/manifest-file.ts";
import { errorOf } from "../../support/expect-error.ts";
import { grownSizes, growTo } from "../../support/grow-set.ts";
import { makeTestFolder } from "../../support/make-rows.ts";
import { droppingOptions, makeSet, writeSmoothCifar10 } from "../../support/near-copy-set.ts";
import { runBuild } from "../../support/run-build.ts";
import { standInRuntime } from "../../support/stand-in-runtime.ts";
import { makeImages, toInt64Bytes } from "../import/make-images.ts";
import { makeNpy, makeZip } from "../import/make-npz.ts";
import { runImport } from "../import/run-import.ts";

const small = { count: 25, testCount: 12, unitSize: 10, sampler: { batchSize: 4 } } as const;

async function makeRun(config: object = small): Promise<string> {
  const root = join(await makeTestFolder(), "run");
  await runBuild({ root, runtime: standInRuntime(), sources: {}, config: resolveConfig(config) });
  return root;
}

async function makeGrown(): Promise<string> {
  const root = join(await makeTestFolder(), "run");
  for (const size of grownSizes) await growTo({ root, unitSize: 3 }, size);
  return root;
}

/** Removes and damages each file that a run has pinned, alone and all at once, and restores them. */
async function expectRestored(root: string): Promise<void> {
  const folder = runFolderAt(root);
  const pinned = (await readPinnedRun(folder))!;
  const files = pinnedFiles(folder, pinned);
  for (const { path, text } of files) expect(await readFile(path, "utf8")).toBe(text);
  expect(pinnedOfManifest(await readManifest(folder.dataset))).toEqual(pinned);
  for (const harm of [rm, (path: string) => truncate(path, 10), (path: string) => writeFile(path, "")]) {
    for (const harmed of [...files.map((file) => [file]), files]) {
      for (const { path } of harmed) await harm(path);
      expect(await restorePinned(folder)).toEqual(harmed.map(({ path }) => path));
      for (const { path, text } of harmed) expect(await readFile(path, "utf8")).toBe(text);
    }
  }
  expect(await restorePinned(folder)).toEqual([]);
}

test.each(Object.entries(recipes))("run.json follows from the manifest of the recipe %s", async (_, recipe) => {
  const sampler = { ...recipe.sampler, batchSize: 4 };
  await expectRestored(await makeRun({ ...small, sampler }));
});

test.each([
  ["a balanced set", { balance: true, count: 200, testCount: 150 }],
  [
    "other numbers",
    { seed: 7, precision: "mixed", labeling: { batchSize: 3 }, sampler: { batchSize: 7, guidance: 2.5 } },
  ],
  ["a set without test images", { testCount: 0 }],
])("run.json follows from the manifest of %s", async (_, keys) => {
  await expectRestored(await makeRun({ ...small, ...keys }));
});

test("run.json and all files of growth/ follow from the manifest of a set that has grown", async () => {
  await expectRestored(await makeGrown());
});

test("run.json follows from the manifest of a set without near-copies", async () => {
  const folder = await makeTestFolder();
  const root = join(folder, "run");
  await writeSmoothCifar10(join(folder, "cifar-10"));
  await makeSet(await droppingOptions(root, {}), join(folder, "cifar-10"));
  await expectRestored(root);
});

test("run.json follows from the manifest of an imported set", async () => {
  const folder = await makeTestFolder();
  const path = join(folder, "images.npz");
  const { images, labels } = makeImages("restored", 20);
  const members = [
    { name: "X.npy", bytes: makeNpy("|u1", [20, 32, 32, 3], images) },
    { name: "Y.npy", bytes: makeNpy("<i8", [20], toInt64Bytes(labels)) },
  ];
  await writeFile(path, makeZip(members));
  const root = join(folder, "run");
  await runImport({ root, path, testCount: 5 });
  await expectRestored(root);
});

test("run.json follows from the manifest of a set that 0.1.0 began, which cannot grow", async () => {
  const root = join(await makeTestFolder(), "run");
  await cp(join(import.meta.dirname, "../growth/begun-by-0.1.0"), root, { recursive: true });
  await growTo({ root, unitSize: 4 }, { count: 10, testCount: 5 });
  await expectRestored(root);
});

test("files that no manifest confirms are not overwritten, and damage to them is named with what helps", async () => {
  const root = await makeGrown();
  const folder = runFolderAt(root);
  await cp(folder.growth(2), folder.growth(1));
  expect(await restorePinned(folder)).toEqual([]);
  await rm(folder.manifest);
  await writeFile(folder.growth(2), "");
  expect((await errorOf(() => restorePinned(folder), "repair/size-lost")).message).toContain(
    "delete it and let the set",
  );
  await writeFile(folder.config, "");
  expect((await errorOf(() => restorePinned(folder), "repair/run-lost")).message).toContain(folder.config);
  expect(await restorePinned(runFolderAt(join(root, "nothing")))).toEqual([]);
});
