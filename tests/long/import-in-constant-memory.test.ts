import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { createWriteStream } from "node:fs";
import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { ZipFile } from "yazl";
import { npyHeader } from "../../pipeline/import/npy-header.ts";
import { readManifest } from "../../shards/format/manifest-file.ts";

/** 2.5 GB of pixels. */
const numImages = 814_000;
const maxResidentKiB = 200 * 1024;
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "cifar5m-large-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

function* images(): Generator<Uint8Array> {
  yield npyHeader("|u1", [numImages, 32, 32, 3]);
  const noise = randomBytes(1024 * 3072);
  for (let row = 0; row < numImages; row += 1024) {
    noise.writeUInt32LE(row, 0);
    yield Buffer.from(noise.subarray(0, Math.min(1024, numImages - row) * 3072));
  }
}

function* labels(): Generator<Uint8Array> {
  yield npyHeader("<i8", [numImages]);
  for (let row = 0; row < numImages; row += 1000) {
    yield new Uint8Array(BigInt64Array.from({ length: 1000 }, (_, index) => BigInt((row + index) % 10)).buffer);
  }
}

/** Runs the command line and tells the most memory it held, in KiB. */
function measure(args: readonly string[]): {
  readonly maxRss: number;
  readonly stderr: string;
  readonly status: number | null;
} {
  const report = 'data:text/javascript,process.on("exit",()=>console.log("maxRSS",process.resourceUsage().maxRSS))';
  const script = join(inject("compiledFolder"), "scripts", "cifar5m.js");
  const { stdout, stderr, status } = spawnSync(process.execPath, ["--import", report, script, ...args, "--quiet"], {
    encoding: "utf8",
  });
  return { maxRss: Number(/maxRSS (\d+)/.exec(stdout)?.[1]), stderr, status };
}

test("a .npz of 2.5 GB is imported, and exported as .npz again, in under 200 MB of resident memory", async () => {
  const source = join(folder, "part0.npz");
  const zip = new ZipFile();
  zip.addReadStream(Readable.from(images(), { objectMode: false }), "X.npy", { compress: false });
  zip.addReadStream(Readable.from(labels(), { objectMode: false }), "Y.npy", { compress: false });
  zip.end();
  await pipeline(zip.outputStream, createWriteStream(source));
  expect((await stat(source)).size).toBeGreaterThan(2.5e9);

  const root = join(folder, "run");
  const imported = measure(["import", "--from", source, "--run", root, "--unit-size", "50000"]);
  expect(imported).toMatchObject({ status: 0, stderr: "" });
  expect(imported.maxRss).toBeLessThan(maxResidentKiB);
  expect((await readManifest(join(root, "dataset"))).splits.train.rows).toBe(numImages);
  await rm(source);

  const exported = measure(["export", "--run", root, "--to", join(folder, "out"), "--format", "npz"]);
  expect(exported).toMatchObject({ status: 0, stderr: "" });
  expect(exported.maxRss).toBeLessThan(maxResidentKiB);
});
