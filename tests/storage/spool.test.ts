import { existsSync } from "node:fs";
import { mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { expect, test } from "vitest";
import type { ObjectData } from "../../storage/object-files.ts";
import { visibleProcesses } from "../../storage/process-identity.ts";
import { sha256 } from "../../storage/sha256.ts";
import { cleanSpool, spool, spoolFolder } from "../../storage/spool.ts";

const pieces = Array.from({ length: 40 }, (_, index) => new Uint8Array(100_000).fill(index));

async function bytesOf(data: ObjectData): Promise<Buffer> {
  const opened = data.open();
  return opened instanceof Uint8Array ? Buffer.from(opened) : await buffer(opened);
}

/** Files of this process that wait there. */
async function waiting(): Promise<string[]> {
  const names = existsSync(spoolFolder) ? await readdir(spoolFolder) : [];
  return names.filter((name) => name.includes(`~${process.pid}.`));
}

test("few bytes wait in memory and many on the disk; both can be read again, and go when they are sent", async () => {
  for (const [numPieces, numFiles] of [
    [0, 0],
    [3, 0],
    [40, 1],
  ] as const) {
    const wanted = Buffer.concat(pieces.slice(0, numPieces));
    const reused = new Uint8Array(100_000);
    const data = await spool(async (sink) => {
      for (const piece of pieces.slice(0, numPieces)) {
        reused.set(piece);
        await sink.write(reused);
      }
      expect(sink.bytes).toBe(wanted.length);
    });
    expect([data.bytes, data.sha256]).toEqual([wanted.length, sha256(wanted)]);
    expect(await waiting()).toHaveLength(numFiles);
    for (let attempt = 0; attempt < 2; attempt++) expect((await bytesOf(data)).equals(wanted)).toBe(true);
    await data.remove();
    expect(await waiting()).toEqual([]);
  }
});

test("a writer that fails leaves nothing, and what a killed process left is removed", async () => {
  const failing = spool(async (sink) => {
    for (const piece of pieces) await sink.write(piece);
    throw new Error("the device is gone");
  });
  await expect(failing).rejects.toThrow("the device is gone");
  expect(await waiting()).toEqual([]);
  await mkdir(spoolFolder, { recursive: true });
  const left = join(spoolFolder, `.unit.tmp~host~${visibleProcesses}~999999999.1~0123456789abcdef`);
  await writeFile(left, "half a unit");
  await cleanSpool();
  expect(existsSync(left)).toBe(false);
});

test("bytes whose file somebody removes while they wait can still be sent, as often as it takes", async () => {
  const data = await spool(async (sink) => {
    for (const piece of pieces) await sink.write(piece);
  });
  for (const name of await waiting()) await rm(join(spoolFolder, name));
  for (let attempt = 0; attempt < 2; attempt++) expect((await bytesOf(data)).equals(Buffer.concat(pieces))).toBe(true);
  await data.remove();
});
