import { readFile, rm, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { hashShards } from "../../../shards/format/manifest.ts";
import { readManifest, writeManifest } from "../../../shards/format/manifest-file.ts";
import type { ShardInput } from "../../../shards/format/shard-schema.ts";
import { writeShard } from "../../../shards/format/write-shard.ts";
import { type Manifest, openDataset, verifyDataset } from "../../../shards/index.ts";
import { chooseShards } from "../../../shards/verify/verify-mode.ts";
import { sealJson } from "../../../storage/canonical-json.ts";
import { sha256 } from "../../../storage/sha256.ts";
import { makeDataset, makeRows, makeTestFolder, range } from "../../support/make-rows.ts";
import { writeTestFlags } from "../../support/write-test-flags.ts";

async function makeTestDataset(): Promise<string> {
  const folder = await makeTestFolder();
  await makeDataset(folder, { train: 40, test: 10, rowsPerShard: 20 });
  return folder;
}

/** Publishes a data set whose first shard holds these rows, with a manifest that matches its bytes. */
async function makeDatasetOf(rows: ShardInput, change: Partial<Manifest["splits"]["train"]> = {}): Promise<string> {
  const folder = await makeTestDataset();
  const pieces: Uint8Array[] = [];
  const sink = {
    bytes: 0,
    async write(data: Uint8Array | string) {
      pieces.push(Buffer.from(data as Uint8Array));
    },
  };
  await writeShard(sink, [rows]);
  const bytes = Buffer.concat(pieces);
  await writeFile(join(folder, "train/part-00000.arrow"), bytes);
  await rm(join(folder, "train/part-00001.arrow"));
  const { version: _version, sha256: _sha256, ...manifest } = await readManifest(folder);
  const numRows = rows.id.length;
  const shard = {
    file: "train/part-00000.arrow",
    rows: numRows,
    bytes: bytes.length,
    sha256: sha256(bytes),
    idStart: 1000,
    idEnd: 2000,
  };
  const classCounts = range(0, 10).map((label) => [...rows.label].filter((found) => found === label).length);
  const train = { rows: numRows, shards: [shard], classCounts, ...change };
  await writeManifest(folder, { ...manifest, splits: { ...manifest.splits, train } });
  return folder;
}

const codesOf = async (folder: string) => (await verifyDataset(folder)).problems.map((problem) => problem.code);

test("an undamaged data set has no problems, and progress is reported after every shard", async () => {
  const folder = await makeTestDataset();
  const seen: string[] = [];
  const report = await verifyDataset(folder, {
    onProgress: ({ file, done, total }) => seen.push(`${file} ${done}/${total}`),
  });
  expect(report.problems).toEqual([]);
  expect(report).toMatchObject({ numShards: 3, rows: 50 });
  expect(seen).toEqual(["train/part-00000.arrow 1/3", "train/part-00001.arrow 2/3", "test/part-00000.arrow 3/3"]);
  expect(await codesOf(await makeDatasetOf(makeRows(range(1000, 1008))))).toEqual([]);
});

test("a signal ends the work before the next shard", async () => {
  const folder = await makeTestDataset();
  const controller = new AbortController();
  const seen: string[] = [];
  const onProgress = ({ file }: { readonly file: string }) => {
    seen.push(file);
    controller.abort(new Error("enough"));
  };
  await expect(verifyDataset(folder, { signal: controller.signal, onProgress })).rejects.toThrow(/^enough$/);
  expect(seen).toEqual(["train/part-00000.arrow"]);
});

test("a flipped bit anywhere in a shard or the manifest is caught, naming the file", async () => {
  const folder = await makeTestDataset();
  for (const file of ["train/part-00001.arrow", "manifest.json"]) {
    const bytes = await readFile(join(folder, file));
    for (let trial = 0; trial < 40; trial++) {
      const position = Math.floor((trial * (bytes.length - 1)) / 39);
      const flipped = Buffer.from(bytes);
      flipped[position] = bytes[position]! ^ (1 << (trial % 8));
      await writeFile(join(folder, file), flipped);
      const { problems } = await verifyDataset(folder);
      expect(
        problems.map((problem) => problem.file),
        `byte ${position}`,
      ).toEqual([file]);
    }
    await writeFile(join(folder, file), bytes);
  }
});

test("all damaged shards are reported, not only the first", async () => {
  const folder = await makeTestDataset();
  await truncate(join(folder, "train/part-00000.arrow"), 1000);
  await rm(join(folder, "train/part-00001.arrow"));
  await writeFile(join(folder, "test/part-00009.arrow"), "stray");
  const { problems } = await verifyDataset(folder);
  expect(problems.map((problem) => `${problem.file} ${problem.code}`)).toEqual([
    "train/part-00000.arrow shard/size-mismatch",
    "train/part-00001.arrow shard/missing",
    "test/part-00009.arrow dataset/unlisted-shard",
  ]);
});

test("rows that break a rule are caught although every hash is right", async () => {
  const rows = makeRows(range(1000, 1008));
  const change = <Name extends keyof typeof rows>(name: Name, row: number, value: number) => {
    const changed = { ...rows, [name]: rows[name].slice() };
    changed[name][row] = value;
    return changed;
  };
  expect(await codesOf(await makeDatasetOf(change("id", 3, 1002)))).toEqual(["shard/bad-id"]);
  expect(await codesOf(await makeDatasetOf(change("id", 7, 2000)))).toEqual(["shard/bad-id"]);
  expect(await codesOf(await makeDatasetOf(change("label", 2, (rows.label[2]! + 1) % 10)))).toEqual([
    "shard/bad-label",
  ]);
  expect(await codesOf(await makeDatasetOf(change("confidence", 2, 0.99)))).toEqual(["shard/bad-label"]);
  expect(await codesOf(await makeDatasetOf(change("probabilities", 5, Number.NaN)))).toEqual(["shard/bad-label"]);
});

test("wrong class counts and ids shared by two splits are caught", async () => {
  const rows = makeRows(range(1000, 1008));
  const classCounts = range(0, 10).map((label) => [...rows.label].filter((found) => found === label).length);
  const moved = [...classCounts.slice(1), classCounts[0] ?? 0];
  expect(await codesOf(await makeDatasetOf(rows, { classCounts: moved }))).toEqual(["manifest/class-counts"]);

  const folder = await makeDatasetOf(rows);
  const { version: _version, sha256: _sha256, ...manifest } = await readManifest(folder);
  const [shard] = manifest.splits.train.shards;
  await writeFile(join(folder, "test/part-00000.arrow"), await readFile(join(folder, "train/part-00000.arrow")));
  const test = { ...manifest.splits.train, shards: [{ ...shard!, file: "test/part-00000.arrow" }] };
  await writeManifest(folder, { ...manifest, splits: { ...manifest.splits, test } });
  expect(await codesOf(folder)).toEqual(["dataset/id-twice"]);
});

test("a manifest that contradicts itself is refused", async () => {
  const folder = await makeTestDataset();
  const { version: _version, sha256: _sha256, ...manifest } = await readManifest(folder);
  const train = { ...manifest.splits.train, rows: 41 };
  await expect(writeManifest(folder, { ...manifest, splits: { ...manifest.splits, train } })).rejects.toMatchObject({
    code: "manifest/invalid",
  });
  const shards = [{ ...manifest.splits.train.shards[0]!, file: "train/../../escape.arrow" }];
  const escaping = { ...manifest.splits.train, shards };
  await expect(
    writeManifest(folder, { ...manifest, splits: { ...manifest.splits, train: escaping } }),
  ).rejects.toMatchObject({ code: "manifest/invalid", message: expect.stringContaining("part-00000.arrow") });
});

test("an unreadable manifest is one problem", async () => {
  const folder = await makeTestDataset();
  await writeFile(join(folder, "manifest.json"), "{");
  expect(await codesOf(folder)).toEqual(["json/corrupt"]);
  await rm(join(folder, "manifest.json"));
  expect(await codesOf(folder)).toEqual(["manifest/missing"]);
});

test("equal seeds choose the same random part, other seeds another, and a larger part contains the smaller", () => {
  const chosen = (fraction: number, seed: number) => range(0, 200).filter(chooseShards(200, { fraction, seed }));
  expect(chosen(0.05, 1)).toHaveLength(10);
  expect(chosen(0.05, 1)).toEqual(chosen(0.05, 1));
  expect(chosen(0.05, 1)).not.toEqual(chosen(0.05, 2));
  expect(chosen(0.2, 1)).toEqual(expect.arrayContaining(chosen(0.05, 1)));
  expect(chosen(1, 1)).toEqual(range(0, 200));
  expect(range(0, 3).filter(chooseShards(3, { fraction: 0.01, seed: 0 }))).toHaveLength(1);
  expect(() => chooseShards(3, { fraction: 0, seed: 0 })).toThrow(/fraction must lie in \(0, 1\], got 0/);
});

test("a part of the shards is read, and only the size of the others is checked", async () => {
  const folder = await makeTestDataset();
  const files = ["train/part-00000.arrow", "train/part-00001.arrow", "test/part-00000.arrow"];
  for (const file of files) {
    const bytes = await readFile(join(folder, file));
    bytes[3000]! ^= 1;
    await writeFile(join(folder, file), bytes);
  }
  const isRead = chooseShards(3, { fraction: 0.34, seed: 5 });
  const { problems } = await verifyDataset(folder, { mode: { fraction: 0.34, seed: 5 } });
  expect(problems.map(({ file }) => file)).toEqual(files.filter((_, index) => isRead(index)));
  await rm(join(folder, files.find((_, index) => !isRead(index))!));
  const after = await verifyDataset(folder, { mode: { fraction: 0.34, seed: 5 } });
  expect(after.problems.map(({ code }) => code).sort()).toContain("shard/missing");
});

test.each([
  ["more rows than its bytes hold", { rows: 9e15, idEnd: 9e15 }],
  ["more rows than ids", { idEnd: 3 }],
  ["6 GB", { bytes: 6e9 }],
])("a manifest that claims a shard of %s is refused before memory is set aside", async (_, claim) => {
  const folder = await makeTestDataset();
  const { version, sha256: _sha256, ...manifest } = await readManifest(folder);
  const shards = manifest.splits.train.shards.map((shard, index) => (index === 0 ? { ...shard, ...claim } : shard));
  const splits = { ...manifest.splits, train: { ...manifest.splits.train, shards } };
  const claimed = { ...manifest, version, splits, sha256: hashShards(splits) };
  await writeFile(join(folder, "manifest.json"), sealJson(claimed));
  await expect(openDataset(folder)).rejects.toMatchObject({ code: "manifest/invalid" });
});

test("workers share the verification: each reads its own shards, and together they find every problem", async () => {
  const folder = await makeTestFolder();
  await makeDataset(folder, { train: 70, test: 20, rowsPerShard: 10 });
  const verifyShare = async (rank: number, worldSize: number) => {
    const files: string[] = [];
    const onProgress = ({ file }: { readonly file: string }) => files.push(file);
    const { problems, rows } = await verifyDataset(folder, { share: { rank, worldSize }, onProgress });
    return { problems, rows, files };
  };
  const sound = await Promise.all([0, 1, 2].map((rank) => verifyShare(rank, 3)));
  expect(sound.map(({ problems, rows }) => [problems.length, rows])).toEqual([
    [0, 30],
    [0, 30],
    [0, 30],
  ]);
  expect(new Set(sound.flatMap(({ files }) => files)).size).toBe(9);
  await truncate(join(folder, "train", "part-00004.arrow"), 100);
  await writeFile(join(folder, "test", "part-00009.arrow"), "unlisted");
  const damaged = await Promise.all([0, 1, 2].map((rank) => verifyShare(rank, 3)));
  expect(damaged.map(({ problems }) => problems.map(({ code }) => code))).toEqual([
    ["dataset/unlisted-shard"],
    ["shard/size-mismatch"],
    [],
  ]);
});

test("a class that is none, and other class names than the manifest's in the metadata, are problems", async () => {
  const rows = makeRows(range(1000, 1020));
  const classes = Float64Array.from(rows.class);
  for (const [value, codes] of [
    [-1, []],
    [9, []],
    [10, ["shard/bad-class"]],
    [-2, ["shard/bad-class"]],
    [2 ** 40 + 3, ["shard/bad-class"]],
  ] as const) {
    classes[7] = value;
    expect([value, await codesOf(await makeDatasetOf({ ...rows, class: classes }))]).toEqual([value, codes]);
  }
  const folder = await makeDatasetOf(rows);
  const { version: _version, sha256: _sha256, ...manifest } = await readManifest(folder);
  await writeManifest(folder, { ...manifest, classNames: [...manifest.classNames].reverse() });
  const { problems } = await verifyDataset(folder);
  expect(problems[0]).toMatchObject({ file: "train/part-00000.arrow", code: "shard/bad-class-names" });
});

test("damaged flags are problems; those of another set and of a sample are none", async () => {
  const folder = await makeTestDataset();
  await writeTestFlags(folder);
  expect(await codesOf(folder)).toEqual([]);
  await writeTestFlags(folder, { flag: () => 7 });
  expect(await codesOf(folder)).toEqual(["flags/wrong-table"]);
  await writeTestFlags(folder, { ids: (ids) => ids.subarray(1) });
  expect(await codesOf(folder)).toEqual([]);
  await writeTestFlags(folder, { description: (right) => ({ ...right, dataset: "0".repeat(64) }) });
  expect(await codesOf(folder)).toEqual([]);
  await writeTestFlags(folder);
  const table = await readFile(join(folder, "flags.arrow"));
  await writeFile(join(folder, "flags.arrow"), "garbage");
  expect((await verifyDataset(folder)).problems).toMatchObject([{ file: "flags.arrow", code: "flags/wrong-table" }]);
  await rm(join(folder, "flags.arrow"));
  expect(await codesOf(folder)).toEqual(["flags/wrong-table"]);
  await writeFile(join(folder, "flags.arrow"), table);
  await writeFile(join(folder, "flags.json"), "garbage");
  expect((await verifyDataset(folder)).problems).toMatchObject([{ file: "flags.json", code: "json/corrupt" }]);
});
