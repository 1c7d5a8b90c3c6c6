import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeEach, expect, test } from "vitest";
import { writeManifest } from "../../../shards/format/manifest-file.ts";
import { writeShard } from "../../../shards/format/write-shard.ts";
import { type Manifest, type VerifyMode, verifyDataset } from "../../../shards/index.ts";
import { hashConfig } from "../../../storage/canonical-json.ts";
import { commitUnit } from "../../../storage/commit-unit.ts";
import { sha256 } from "../../../storage/sha256.ts";
import { makeRows, makeTestFolder, range } from "../../support/make-rows.ts";
import { randomIntegers } from "../../support/random-integers.ts";

/** Number of flips and cuts over all three files; every byte of every file is hit at least once. */
const numFlips = 10_000;
const numCuts = 1000;
const classNames = range(0, 10).map(String);
const files = { shard: "train/part-00000.arrow", receipt: "../receipts/train-00000.json", manifest: "manifest.json" };

let directory: string;

/** The smallest dataset with a receipt: one shard of one row. */
beforeEach(async () => {
  const root = await makeTestFolder();
  directory = join(root, "dataset");
  const rows = makeRows(range(3, 4));
  const origin = {
    configHash: hashConfig({ seed: 1 }),
    models: { generator: sha256("weights") },
    createdBy: "cifar5m tests",
  };
  const { receipt } = await commitUnit({
    dataPath: join(directory, files.shard),
    receiptPath: join(directory, files.receipt),
    origin: { stage: "publish", unit: 0, idStart: 0, idEnd: 5, ...origin },
    write: (sink) => writeShard(sink, [rows], classNames),
  });
  const { sha256: hash, bytes } = receipt;
  const shard = { file: files.shard, rows: 1, bytes, sha256: hash, idStart: 0, idEnd: 5 };
  const classCounts = range(0, 10).map((label) => (label === rows.label[0] ? 1 : 0));
  const splits: Manifest["splits"] = {
    train: { rows: 1, shards: [shard], classCounts },
    test: { rows: 0, shards: [], classCounts: classCounts.map(() => 0) },
  };
  await writeManifest(directory, {
    ...{ name: "one image", classNames, imageShape: [32, 32, 3], splits },
    ...{ config: { seed: 1 }, removals: { "duplicate-of-train": 4 }, ...origin },
  });
});

/** Files named by what is found. */
async function findDamage(mode: VerifyMode = "full"): Promise<string[]> {
  const { problems } = await verifyDataset(directory, { mode, receiptOf: () => join(directory, files.receipt) });
  for (const { file, message } of problems) expect(message).toContain(file.replace("../", ""));
  return [...new Set(problems.map(({ file }) => file))];
}

/** Writes damaged versions of a file, one after the other. @returns positions where the damage was not found and named */
async function missedPositions(
  file: string,
  positions: readonly number[],
  damage: (bytes: Uint8Array, position: number) => Uint8Array,
): Promise<number[]> {
  const path = join(directory, file);
  const bytes = await readFile(path);
  const missed: number[] = [];
  for (const position of positions) {
    await writeFile(path, damage(bytes, position));
    if ((await findDamage()).join() !== file) missed.push(position);
  }
  await writeFile(path, bytes);
  return missed;
}

test("10,000 flipped bits, in every byte of shard, receipt and manifest: each is found and named", async () => {
  expect(await findDamage()).toEqual([]);
  const random = randomIntegers(1, 8);
  const sizes = await Promise.all(
    Object.values(files).map(async (file) => (await readFile(join(directory, file))).length),
  );
  const numBytes = sizes.reduce((sum, size) => sum + size, 0);
  let numTried = 0;
  for (const [index, file] of Object.values(files).entries()) {
    const size = sizes[index]!;
    const numPositions = Math.max(size, Math.ceil((numFlips * size) / numBytes));
    // Flip a random bit of each byte once, then start again.
    const positions = range(0, numPositions).map((position) => (position % size) * 8 + random.next());
    const missed = await missedPositions(file, positions, (bytes, position) => {
      const flipped = Uint8Array.from(bytes);
      flipped[position >> 3]! ^= 1 << (position & 7);
      return flipped;
    });
    expect(missed, file).toEqual([]);
    numTried += numPositions;
  }
  expect(numTried).toBeGreaterThanOrEqual(numFlips);
  expect(await findDamage()).toEqual([]);
});

test("1,000 truncations of shard, receipt and manifest, to nothing and by one byte too: each is found and named", async () => {
  let numTried = 0;
  for (const file of Object.values(files)) {
    const size = (await readFile(join(directory, file))).length;
    const numPositions = Math.min(size, Math.ceil(numCuts / 3));
    const positions = range(0, numPositions).map((index) => Math.floor((index * (size - 1)) / (numPositions - 1)));
    expect(new Set(positions).size).toBe(numPositions);
    expect(await missedPositions(file, positions, (bytes, position) => bytes.subarray(0, position)), file).toEqual([]);
    numTried += numPositions;
  }
  expect(numTried).toBeGreaterThanOrEqual(numCuts);
});

test("fast mode finds damage that sizes and checksums show, and leaves flipped bits of shards to the other modes", async () => {
  const path = join(directory, files.shard);
  const bytes = await readFile(path);
  const flipped = Uint8Array.from(bytes);
  flipped[2000]! ^= 1;
  await writeFile(path, flipped);
  expect(await findDamage("fast")).toEqual([]);
  expect(await findDamage({ fraction: 1, seed: 0 })).toEqual([files.shard]);
  await writeFile(path, bytes.subarray(1));
  expect(await findDamage("fast")).toEqual([files.shard]);
  await writeFile(path, bytes);
  await writeFile(join(directory, files.receipt), "{}");
  expect(await findDamage("fast")).toEqual([files.receipt]);
});
