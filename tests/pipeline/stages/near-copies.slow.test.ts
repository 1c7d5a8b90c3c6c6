import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { auditSteps } from "../../../pipeline/audit/audit-steps.ts";
import { buildSteps } from "../../../pipeline/build.ts";
import { gatherCardFacts } from "../../../pipeline/card/card-facts.ts";
import { writeCard } from "../../../pipeline/card/write-card.ts";
import { regenerateImage } from "../../../pipeline/repair/regenerate.ts";
import { repairRun } from "../../../pipeline/repair/repair.ts";
import { readRun } from "../../../pipeline/run/run.ts";
import { runFolderAt } from "../../../pipeline/run/run-folder.ts";
import type { StepOptions } from "../../../pipeline/run/step.ts";
import { firstTestId } from "../../../pipeline/run/units.ts";
import { readRemovals } from "../../../pipeline/stages/removals.ts";
import { readManifest } from "../../../shards/format/manifest-file.ts";
import { openDataset } from "../../../shards/index.ts";
import { fileExists } from "../../../storage/read-file.ts";
import { errorOf } from "../../support/expect-error.ts";
import { filesOf, rowsOf } from "../../support/grow-set.ts";
import { droppingOptions, makeSet, memorizedImages, writeSmoothCifar10 } from "../../support/near-copy-set.ts";
import { runSteps, testContext } from "../../support/run-build.ts";
import { hashFolder, killBuilds, runToEnd } from "../kill-build.ts";

let folder: string;
let data: string;
let numRuns = 0;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "cifar5m-near-"));
  data = join(folder, "cifar-10");
  await writeSmoothCifar10(data);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const newRoot = () => join(folder, `run-${numRuns++}`);
const idsOf = async (root: string) =>
  [...(await rowsOf(root, "train")), ...(await rowsOf(root, "test"))].map((row) => Number(row.split(" ")[0]));
const allIds = [...Array(20).keys(), ...Array.from({ length: 6 }, (_, id) => firstTestId + id)];

async function makeNew(keys: Parameters<typeof droppingOptions>[1] = {}): Promise<StepOptions & { root: string }> {
  const root = newRoot();
  const options = await droppingOptions(root, keys);
  await makeSet(options, data);
  return { ...options, root };
}

async function removalsOf(root: string) {
  const { units, folder: paths } = await readRun(runFolderAt(root));
  return (await Promise.all(units.map((unit) => readRemovals(paths.removals(unit))))).flat();
}

/** Audits a set, and returns the ids that have one of these flags. */
async function auditedIds(options: StepOptions): Promise<number[]> {
  await runSteps(await auditSteps({ ...options, numPlanted: 0 }), testContext());
  const flagged: number[] = [];
  for (const split of ["train", "test"] as const) {
    const dataset = await openDataset(join(options.folder.root, "dataset"), { split });
    for (const name of ["nearCopy", "memorized", "leak"] as const) {
      const part = await dataset.filter({ flags: { [name]: true } });
      flagged.push(...(await part.readImages([...Array(part.numSamples).keys()])).ids);
    }
    dataset.close();
  }
  return [...new Set(flagged)].sort((a, b) => a - b);
}

test("memorized images, near-copies and leaks are left out, with reason and partner, and counted in the manifest and the card", async () => {
  const { root, ...options } = await makeNew();
  const memorized = await memorizedImages();
  const removals = await removalsOf(root);
  expect(removals.map(({ fingerprint: _, ...removal }) => removal)).toEqual(
    memorized.map(({ image: _, ...removal }) => removal),
  );
  expect(await idsOf(root)).toEqual(allIds.filter((id) => !memorized.some((image) => image.id === id)));
  const manifest = await readManifest(join(root, "dataset"));
  expect(manifest.removals).toEqual({
    "near-copy-of-cifar10-train": 2,
    "duplicate-of-cifar10-train": 1,
    "memorized-from-cifar10-train": 1,
    "leak-from-cifar10-test": 1,
  });
  expect(manifest.config["dropNearCopies"]).toBe(true);
  expect((await gatherCardFacts({ manifest, root })).origin).toMatchObject({ kind: "generated" });
  await writeCard({ root });
  const card = await readFile(join(root, "dataset", "README.md"), "utf8");
  expect(card).toMatch(/\| near-copy-of-cifar10-train +\| 2/);
  expect(card).toContain("--drop-near-copies true");
  expect(card).toContain("cifar5m fetch runs/mine");
  const { message } = await errorOf(() => regenerateImage({ ...options, id: 14 }), "regenerate/removed");
  expect(message).toContain("resembling the mirror image of CIFAR-10 train image 17 (near-copy-of-cifar10-train)");
});

test("what is left out is what an audit flags in the set that leaves it in, and an audit of the rest flags nothing", async () => {
  const whole = await makeNew({ dropNearCopies: false });
  const flagged = await auditedIds(whole);
  const dropping = await makeNew();
  expect(flagged).toEqual([3, 8, firstTestId + 2]);
  const before = await idsOf(whole.root);
  expect(await idsOf(dropping.root)).toEqual(before.filter((id) => !flagged.includes(id)));
  expect(await auditedIds(dropping)).toEqual([]);
});

test("a set that grows leaves out what one made at once leaves out, and keeps what is published", async () => {
  const root = newRoot();
  let before = new Map<string, string>();
  for (const count of [4, 6, 20]) {
    await makeSet(await droppingOptions(root, { count }), data);
    const files = await filesOf(join(root, "dataset"));
    for (const [name, state] of before) expect(files.get(name), name).toBe(state);
    before = files;
  }
  const once = await makeNew();
  for (const split of ["train", "test"] as const)
    expect(await rowsOf(root, split)).toEqual(await rowsOf(once.root, split));
  expect(await removalsOf(root)).toEqual(await removalsOf(once.root));
});

test("a shard may lose all its images", async () => {
  const copies = new Map(
    (await memorizedImages()).slice(0, 1).flatMap(({ image }) => [4, 5, 6, 7].map((id) => [id, image] as const)),
  );
  const root = newRoot();
  await makeSet(await droppingOptions(root, {}, { planted: copies }), data);
  expect(await idsOf(root)).toEqual(allIds.filter((id) => id < 4 || id > 7));
  const { splits } = await readManifest(join(root, "dataset"));
  expect(splits.train.shards.map(({ rows }) => rows)).toEqual([4, 0, 4, 4, 4]);
  const dataset = await openDataset(join(root, "dataset"));
  expect([...(await dataset.readImages([3, 4])).ids]).toEqual([3, 8]);
  dataset.close();
});

test("a run goes on only with the choice that it was begun with", async () => {
  const { root } = await makeNew();
  const options = await droppingOptions(root, { dropNearCopies: false });
  const { message } = await errorOf(() => makeSet(options, data), "run/config-changed");
  expect(message).toContain("dropNearCopies is true, now false");
});

test("without CIFAR-10, a build that is to leave out near-copies ends before any work, and says what to do", async () => {
  const root = newRoot();
  const [check] = buildSteps(await droppingOptions(root, {}), {});
  const { line } = await errorOf(() => runSteps([check!], testContext()), "run/data-missing");
  expect(line).toContain(`cifar5m fetch ${root} --data`);
  expect(line).not.toContain("\n");
  expect(await fileExists(join(root, "run.json"))).toBe(false);
});

test("lost shards and damaged removals are made again, byte for byte, though the samples are gone", async () => {
  const { root, ...options } = await makeNew();
  const { units, folder: paths } = await readRun(options.folder);
  const expected = await hashFolder(join(root, "dataset"));
  const removals = await readFile(paths.removals(units[0]!));
  await rm(join(root, "samples"), { recursive: true });
  await writeFile(paths.removals(units[0]!), "");
  await repairRun(options, testContext());
  expect(await readFile(paths.removals(units[0]!))).toEqual(removals);
  for (const part of ["dedup", "receipts/dedup", "dataset/train"]) await rm(join(root, part), { recursive: true });
  await repairRun(options, testContext());
  expect(await hashFolder(join(root, "dataset"))).toEqual(expected);
});

test("two workers, and builds that are killed and go on, leave the files of an undisturbed one", async () => {
  const program = (root: string, ...worker: string[]) => [
    ...[join(inject("compiledFolder"), "tests", "support", "stand-in-dropping.js"), root, data],
    ...worker,
  ];
  const undisturbed = newRoot();
  await runToEnd(program(undisturbed));
  const expected = await hashFolder(join(undisturbed, "dataset"));
  expect(await idsOf(undisturbed)).toHaveLength(21);
  const shared = newRoot();
  await Promise.all(["0", "1"].map((rank) => runToEnd(program(shared, rank, "2"))));
  expect(await hashFolder(join(shared, "dataset"))).toEqual(expected);
  await killBuilds({
    ...{ program, folder, numKills: 6, maxLifeMs: 2500, countFrom: "ready" },
    check: async (root) => expect(await hashFolder(join(root, "dataset"))).toEqual(expected),
  });
});
