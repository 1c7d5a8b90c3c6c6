import { readFile, rm, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { flagNames } from "../../../shards/format/flags.ts";
import { type Dataset, openDataset, uploadDataset } from "../../../shards/index.ts";
import { errorOf } from "../../support/expect-error.ts";
import { makeDataset, makeTestFolder } from "../../support/make-rows.ts";
import { hasFlag, writeTestFlags } from "../../support/write-test-flags.ts";
import { quick } from "../remote/remote-batches.ts";
import { setUp } from "../remote/served-dataset.ts";

async function makeFolder(): Promise<string> {
  const folder = await makeTestFolder();
  await makeDataset(folder, { train: 100, test: 40, rowsPerShard: 30 });
  return folder;
}

async function idsOf(dataset: Dataset): Promise<number[]> {
  return [...(await dataset.readImages(Array.from({ length: dataset.numSamples }, (_, row) => row))).ids];
}

test("a filter by flags keeps the rows with those flags, in both splits, beside other conditions", async () => {
  const folder = await makeFolder();
  await writeTestFlags(folder);
  for (const split of ["train", "test"] as const) {
    const dataset = await openDataset(folder, { split });
    const all = await idsOf(dataset);
    for (const flag of flagNames) {
      for (const wanted of [true, false]) {
        const part = await dataset.filter({ flags: { [flag]: wanted } });
        expect(await idsOf(part)).toEqual(all.filter((id) => hasFlag(id, flag) === wanted));
      }
    }
    const both = await (await dataset.filter({ classes: [1, 2, 3] })).filter({
      flags: { leak: false, nearCopy: true },
    });
    const classes = await idsOf(await dataset.filter({ classes: [1, 2, 3] }));
    expect(await idsOf(both)).toEqual(classes.filter((id) => !hasFlag(id, "leak") && hasFlag(id, "nearCopy")));
    dataset.close();
  }
});

test("a part ends with its data set, not the other way round", async () => {
  const dataset = await openDataset(await makeFolder());
  const part = await dataset.filter({ classes: [1] });
  {
    await using inner = await part.filter({ minConfidence: 0 });
    expect((await inner.readImages([0])).ids).toHaveLength(1);
  }
  part.close();
  expect((await part.readImages([0])).ids).toHaveLength(1);
  expect((await dataset.readImages([0])).ids).toHaveLength(1);
  dataset.close();
  await errorOf(() => part.readImages([0]), "dataset/closed");
});

test("the fingerprint of a filter without flags stays, and one with flags depends on their table", async () => {
  const folder = await makeFolder();
  await writeTestFlags(folder);
  const dataset = await openDataset(folder);
  const plain = await dataset.filter({ minConfidence: 0.2 });
  expect((await dataset.filter({ minConfidence: 0.2, flags: {} })).fingerprint).toBe(plain.fingerprint);
  const flagged = await dataset.filter({ minConfidence: 0.2, flags: { leak: false } });
  expect(flagged.fingerprint).not.toBe(plain.fingerprint);
  await writeTestFlags(folder, { flag: (value) => 1 - value });
  expect((await dataset.filter({ minConfidence: 0.2, flags: { leak: false } })).fingerprint).not.toBe(
    flagged.fingerprint,
  );
});

test.each<[string, Parameters<typeof writeTestFlags>[1], string]>([
  ["another id", { ids: (ids) => ids.with(70, 9999) }, "flags/wrong-table"],
  ["too few rows", { ids: (ids) => ids.slice(0, 90) }, "flags/partial"],
  [
    "fewer rows than it says",
    { ids: (ids) => ids.slice(0, 90), description: (right) => ({ ...right, rows: 140 }) },
    "flags/wrong-table",
  ],
  ["swapped rows", { ids: (ids) => ids.with(3, ids[4]!).with(4, ids[3]!) }, "flags/wrong-table"],
  ["a flag of 7", { flag: () => 7 }, "flags/wrong-table"],
  ["another data set", { description: (right) => ({ ...right, dataset: "0".repeat(64) }) }, "flags/other-dataset"],
  ["another hash", { description: (right) => ({ ...right, sha256: "0".repeat(64) }) }, "flags/wrong-table"],
  ["another size", { description: (right) => ({ ...right, bytes: 12 }) }, "flags/wrong-table"],
  ["a later version", { description: (right) => ({ ...right, version: 2 }) }, "flags/version-unsupported"],
  ["an unknown key", { description: (right) => ({ ...right, extra: 1 }) }, "flags/invalid"],
  ["negative rows", { description: (right) => ({ ...right, rows: -1 }) }, "flags/invalid"],
])("flags with %s are refused in one line", async (_, change, code) => {
  const folder = await makeFolder();
  await writeTestFlags(folder, change);
  const dataset = await openDataset(folder);
  const { line } = await errorOf(() => dataset.filter({ flags: { leak: false } }), code);
  expect(line).not.toContain("\n");
  expect(line).toContain("flags.");
});

test("missing, cut, overwritten and unknown flags are refused in one line", async () => {
  const folder = await makeFolder();
  const dataset = await openDataset(folder);
  const filter = () => dataset.filter({ flags: { leak: false } });
  await errorOf(filter, "flags/missing");
  await writeTestFlags(folder);
  const table = join(folder, "flags.arrow");
  const bytes = await readFile(table);
  bytes[500]! ^= 1;
  await writeFile(table, bytes);
  await errorOf(filter, "flags/wrong-table");
  await truncate(table, 300);
  await errorOf(filter, "flags/wrong-table");
  await rm(table);
  await errorOf(filter, "disk/missing");
  await writeFile(join(folder, "flags.json"), "{}");
  await errorOf(filter, "json/corrupt");
  await errorOf(() => dataset.filter({ flags: { leaks: false } as never }), "dataset/unknown-flag");
  await errorOf(() => dataset.filter({ flags: { leak: 1 } as never }), "dataset/out-of-range");
});

test("over HTTP the flags are those of the folder, and damage in transit is refused", async () => {
  const { folder, server, local, open } = await setUp();
  await errorOf(async () => (await open()).filter({ flags: { leak: true } }), "flags/missing");
  await writeTestFlags(folder);
  const here = await local.filter({ flags: { memorized: false } });
  const there = await (await open()).filter({ flags: { memorized: false } });
  expect(there.fingerprint).toBe(here.fingerprint);
  expect(await idsOf(there)).toEqual(await idsOf(here));
  const bytes = await readFile(join(folder, "flags.arrow"));
  bytes[500]! ^= 1;
  await writeFile(join(folder, "flags.arrow"), bytes);
  const fresh = await openDataset(server.url, { cache: { directory: await makeTestFolder() }, transfer: quick });
  await errorOf(() => fresh.filter({ flags: { leak: true } }), "store/wrong-content");
});

test("an upload takes the flags along, and leaves out those of a sample", async () => {
  const [folder, target, other] = [await makeFolder(), await makeTestFolder(), await makeTestFolder()];
  await writeTestFlags(folder, { ids: (ids) => ids.slice(0, 90) });
  const { signal } = new AbortController();
  await uploadDataset({ directory: folder, to: other, signal });
  await errorOf(async () => (await openDataset(other)).filter({ flags: { leak: true } }), "flags/missing");
  await writeTestFlags(folder);
  for (const to of [target, other]) await uploadDataset({ directory: folder, to, signal });
  for (const to of [target, other]) {
    const part = await (await openDataset(to)).filter({ flags: { leak: true } });
    expect(await idsOf(part)).toEqual(await idsOf(await (await openDataset(folder)).filter({ flags: { leak: true } })));
  }
});
