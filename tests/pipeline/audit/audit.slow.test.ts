import { spawn } from "node:child_process";
import { readdir, readFile, realpath, rm } from "node:fs/promises";
import { join } from "node:path";
import { expect, inject, test } from "vitest";
import { cifar10ClassNames } from "../../../core/image-layout.ts";
import { auditSchema } from "../../../pipeline/audit/audit-report.ts";
import { plantCopies } from "../../../pipeline/audit/planted-copies.ts";
import { writeTable } from "../../../shards/arrow/write-table.ts";
import { flagColumns, maxFlagRows, maxTableBytes } from "../../../shards/format/flags.ts";
import { writeManifest } from "../../../shards/format/manifest-file.ts";
import { openDataset, verifyDataset, writeDataset } from "../../../shards/index.ts";
import { replaceFile } from "../../../storage/commit.ts";
import { makeDataset, makeTestFolder } from "../../support/make-rows.ts";
import { runCli } from "../../support/run-cli.ts";
import { runInProcess } from "../../support/run-in-process.ts";
import { smoothImages } from "../../support/smooth-images.ts";
import { writeCifar10 } from "../../support/write-cifar-10.ts";

const records = 60;
const reference = smoothImages(6 * records, "reference");
const trainImages = reference.slice(0, 5 * records);
const testImages = reference.slice(5 * records);

/** CIFAR-10 of smooth images, and a set of 90 + 30 fresh ones with planted copies: of train, of test, and within. */
async function makeSet() {
  const root = await makeTestFolder();
  const [data, set] = [join(root, "cifar"), join(root, "set")];
  await writeCifar10(data, reference, records);
  const fresh = smoothImages(120, "fresh");
  const replace = async (row: number, source: Uint8Array, kind: "shifted" | "jpeg-90" | "mirrored") => {
    fresh[row] = new Uint8Array(await plantCopies(source, kind));
  };
  await replace(3, trainImages[17]!, "shifted");
  await replace(8, trainImages[200]!, "jpeg-90");
  await replace(100, testImages[5]!, "mirrored");
  await replace(60, fresh[20]!, "shifted");
  const rowsOf = (start: number, end: number) => {
    const labels = Int32Array.from({ length: end - start }, (_, row) => (start + row) % 10);
    return [{ images: new Uint8Array(Buffer.concat(fresh.slice(start, end))), labels, classes: labels }];
  };
  const classNames = [...cifar10ClassNames];
  await writeDataset(set, { classNames, train: rowsOf(0, 90), test: rowsOf(90, 120), rowsPerShard: 25 });
  return { root, data, set };
}

const flags = ["--records-per-file", String(records), "--planted", "20", "--quiet"];

async function readAudit(set: string) {
  const { checksum: _, ...audit } = JSON.parse(await readFile(join(set, "audit.json"), "utf8"));
  return auditSchema.parse(audit);
}

/** Audits, and kills the program once there is a file of such a name. */
function killAudit(args: readonly string[], set: string, isAwaited: (name: string) => boolean): Promise<void> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [join(inject("compiledFolder"), "scripts", "cifar5m.js"), ...args]);
    const timer = setInterval(async () => {
      const names = await readdir(join(set, "audit"), { recursive: true }).catch(() => []);
      if (names.some(isAwaited)) child.kill("SIGKILL");
    }, 5);
    child.on("close", () => {
      clearInterval(timer);
      resolve();
    });
  });
}

test("an audit finds the planted copies and nothing else, and loaders leave them out by its flags", async () => {
  const { data, set } = await makeSet();
  const { exitCode, stdout, stderr } = await runCli(["audit", set, "--data", data, ...flags]);
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
  expect(stdout).toContain("near-copies of train images: 2");
  expect(stdout.trim().split("\n").at(-1)).toBe(join(await realpath(set), "flags.arrow"));
  const audit = await readAudit(set);
  expect(audit.flags).toMatchObject({ nearCopy: { count: 2 }, leak: { count: 1 }, nearDuplicate: { count: 1 } });
  expect(audit.nearest.slice(0, 2).map(({ id, of, index }) => [id, of, index])).toEqual([
    [3, "train", 17],
    [8, "train", 200],
  ]);
  // Each was made from that image, so it is the nearest one too.
  for (const { index, nearestIndex, distance, ratio } of audit.nearest.slice(0, 2)) {
    expect(nearestIndex).toBe(index);
    expect(distance).toBeLessThan(64);
    expect(ratio).toBeLessThan(1);
  }
  expect(audit.pairs).toMatchObject([{ id: 60, of: 20 }]);
  expect(audit.planted.every(({ count, found }) => count === 20 && found === 20)).toBe(true);
  const dataset = await openDataset(set);
  const part = await dataset.filter({ flags: { nearCopy: false, nearDuplicate: false } });
  const { ids } = await part.readImages(Array.from({ length: part.numSamples }, (_, row) => row));
  expect([...ids]).toEqual(Array.from({ length: 90 }, (_, id) => id).filter((id) => ![3, 8, 60].includes(id)));
  const leaks = await dataset.split("test").filter({ flags: { leak: true } });
  expect([...(await leaks.readImages([0])).ids]).toEqual([100]);
  expect((await verifyDataset(set)).problems).toEqual([]);
});

test("a sample gives intervals that hold the whole set's shares, the same rows for a seed, and no usable flags", async () => {
  const { data, set } = await makeSet();
  const audits = [];
  for (const seed of ["1", "1", "2"]) {
    await rm(join(set, "audit"), { recursive: true, force: true });
    const { exitCode } = await runCli(["audit", set, "--data", data, "--sample", "40", "--seed", seed, ...flags]);
    expect(exitCode).toBe(0);
    audits.push(await readAudit(set));
  }
  expect(audits[1]).toEqual(audits[0]);
  expect(audits[2]!.nearest).not.toEqual(audits[0]!.nearest);
  for (const audit of audits) {
    expect(audit.audited).toEqual({ images: 40, isSample: true });
    const [low, high] = audit.flags.nearCopy.interval;
    expect(low).toBeLessThanOrEqual(2 / 120);
    expect(high).toBeGreaterThanOrEqual(2 / 120);
    expect(audit.flags.nearDuplicate).toBeUndefined();
  }
  await expect((await openDataset(set)).filter({ flags: { leak: false } })).rejects.toMatchObject({
    code: "flags/missing",
  });
});

test("an audit of a sample leaves the flags of the whole set as they are", async () => {
  const { data, set } = await makeSet();
  const audit = ["audit", set, "--data", data, ...flags];
  expect((await runCli(audit)).exitCode).toBe(0);
  const before = await readFile(join(set, "flags.arrow"));
  expect((await runCli([...audit, "--sample", "40"])).exitCode).toBe(0);
  expect(await readFile(join(set, "flags.arrow"))).toEqual(before);
  expect((await (await openDataset(set)).filter({ flags: { leak: false } })).numSamples).toBe(90);
});

test("an audit that was killed goes on, and gives the same bytes as one of two workers", async () => {
  const { data, set } = await makeSet();
  const results = ["audit.json", "audit.png", "flags.arrow", "flags.json"];
  const read = () => Promise.all(results.map((name) => readFile(join(set, name))));
  const args = ["audit", set, "--data", data, ...flags];
  await killAudit(args, set, (name) => name.endsWith(".json"));
  expect((await runCli(args)).exitCode).toBe(0);
  const resumed = await read();
  for (const name of [...results, "audit"]) await rm(join(set, name), { recursive: true, force: true });
  const ranks = ["0", "1"].map((rank) => runCli([...args, "--rank", rank, "--world-size", "2"]));
  expect((await Promise.all(ranks)).map(({ exitCode }) => exitCode)).toEqual([0, 0]);
  expect(await read()).toEqual(resumed);
});

test("near-duplicates are searched by units: an audit that is killed among them goes on, and two workers share them", async () => {
  const { data, root } = await makeSet();
  const set = join(root, "large");
  const images = smoothImages(6500, "large");
  for (const row of [700, 3000, 6400]) images[row] = new Uint8Array(await plantCopies(images[row - 600]!, "shifted"));
  const labels = Int32Array.from(images, (_, row) => row % 10);
  // The label of one image is not what was asked for.
  labels[12] = 5;
  const classes = Int32Array.from(images, (_, row) => row % 10);
  const rows = [{ images: new Uint8Array(Buffer.concat(images)), labels, classes }];
  await writeDataset(set, { classNames: [...cifar10ClassNames], train: rows, test: [], rowsPerShard: 2000 });
  const results = ["audit.json", "audit.png", "audit-labels.png", "flags.arrow", "flags.json"];
  const read = () => Promise.all(results.map((name) => readFile(join(set, name))));
  const args = ["audit", set, "--data", data, ...flags];
  const isTable = (name: string) => /duplicates-\d+\.json$/.test(name);
  const listTables = async () => (await readdir(join(set, "audit"), { recursive: true })).filter(isTable);
  await killAudit(args, set, isTable);
  const before = (await listTables()).length;
  expect(before).toBeGreaterThan(0);
  expect((await runCli(args)).exitCode).toBe(0);
  expect(await listTables()).toHaveLength(2);
  const resumed = await read();
  expect((await readAudit(set)).pairs.map(({ id, of }) => [id, of]).sort()).toEqual([
    [3000, 2400],
    [6400, 5800],
    [700, 100],
  ]);
  for (const name of [...results, "audit"]) await rm(join(set, name), { recursive: true, force: true });
  const ranks = ["0", "1"].map((rank) => runCli([...args, "--rank", rank, "--world-size", "2"]));
  expect((await Promise.all(ranks)).map(({ exitCode }) => exitCode)).toEqual([0, 0]);
  expect(await read()).toEqual(resumed);
});

test("without CIFAR-10 an audit says where to name it, in one line", async () => {
  const { set } = await makeSet();
  const { exitCode, stderr } = await runCli(["audit", set, ...flags]);
  expect(exitCode).toBe(2);
  expect(stderr.trim().split("\n")).toHaveLength(1);
  expect(stderr).toMatch(/^run\/data-missing: .*--data/);
});

test("a set without images is refused, and gets no files of an audit", async () => {
  const root = await makeTestFolder();
  const [data, set] = [join(root, "cifar"), join(root, "set")];
  await writeCifar10(data, reference, records);
  await makeDataset(set, { train: 0, test: 0, rowsPerShard: 5 });
  const { exitCode, stdout, stderr } = await runInProcess(["audit", set, "--data", data, ...flags]);
  expect(stderr).toBe(`audit/empty: ${set} must hold images, and does not. Publish some first.\n`);
  expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: "" });
  expect(await readdir(set)).toEqual(["manifest.json"]);
});

test("a set with more images than a table of flags covers is refused before any work, and a sample of it is not", async () => {
  const set = await makeTestFolder();
  const { version: _, sha256: __, splits, ...rest } = await makeDataset(set, { train: 10, test: 10, rowsPerShard: 10 });
  const { shards, ...train } = splits.train;
  const rows = 400_000;
  const many = Array.from({ length: maxFlagRows / rows }, (_, part) => {
    const file = `train/part-${String(part).padStart(5, "0")}.arrow`;
    const idStart = 1_000_000 + part * rows;
    return { ...shards[0]!, file, rows, bytes: 3100 * rows, idStart, idEnd: idStart + rows };
  });
  await rm(join(set, "manifest.json"));
  const classCounts = [maxFlagRows, ...Array<number>(9).fill(0)];
  const large = { ...train, rows: maxFlagRows, classCounts, shards: many };
  await writeManifest(set, { ...rest, splits: { ...splits, train: large } });
  const nowhere = ["--data", join(set, "no-such-data")];
  const { exitCode, stderr } = await runInProcess(["audit", set, ...nowhere, ...flags]);
  expect(stderr).toBe(
    `audit/too-many-images: a table of flags covers 38,000,000 images at most, and ${set} holds 38,000,010. ` +
      "Audit a part of them with --sample, which writes a report and no flags.\n",
  );
  expect(exitCode).toBe(2);
  const sampled = await runInProcess(["audit", set, ...nowhere, "--sample", "10", ...flags]);
  expect(sampled.stderr).toContain("no-such-data");
});

test("readers take a table of flags of so many rows", async () => {
  const numRows = 100_000;
  const arrays = {
    uint8: new Uint8Array(numRows),
    int64: new Float64Array(numRows),
    float32: new Float32Array(numRows),
  };
  const table = Object.fromEntries(Object.entries(flagColumns).map(([name, type]) => [name, arrays[type]]));
  const { bytes } = await replaceFile(join(await makeTestFolder(), "flags.arrow"), async (sink) => {
    await writeTable(sink, flagColumns, [table as never]);
  });
  expect((bytes / numRows) * maxFlagRows).toBeLessThan(maxTableBytes);
});
