import { mkdir, open } from "node:fs/promises";
import { dirname, join } from "node:path";
import { cifar10ClassNames } from "../../../core/image-layout.ts";
import { writeManifest } from "../../../shards/format/manifest-file.ts";
import { writeShard } from "../../../shards/format/write-shard.ts";
import type { ShardEntry } from "../../../shards/index.ts";
import { sha256 } from "../../../storage/sha256.ts";

/** Rows of a shard: 1.6 GB, of which only the columns without images take space on the disk. */
const rowsPerShard = 500_000;
const rowsPerBatch = 1024;
const imageBytesPerBatch = rowsPerBatch * 3072;

/** A row of the large set; everything follows from its index. */
export function largeRow(index: number) {
  const label = (index * 7 + (index >> 4)) % 10;
  return {
    // Every hundredth image was removed.
    id: index + Math.floor(index / 99),
    label,
    asked: index % 13 === 0 ? (label + 3) % 10 : label,
    confidence: Math.fround(0.3 + ((index * 17) % 1000) / 1500),
  };
}

/**
 * Writes a set with labels and black images: the images are holes in the files, so that millions take little space.
 * @param numRows - of the train split, a multiple of 500,000
 */
export async function makeLargeSet(folder: string, numRows: number): Promise<void> {
  const shards: ShardEntry[] = [];
  const classCounts = new Array<number>(10).fill(0);
  for (let start = 0; start < numRows; start += rowsPerShard) {
    const file = `train/part-${String(shards.length).padStart(5, "0")}.arrow`;
    const bytes = await writeSparse(join(folder, file), start, classCounts);
    const [first, last] = [largeRow(start).id, largeRow(start + rowsPerShard - 1).id];
    shards.push({ file, rows: rowsPerShard, bytes, sha256: sha256(file), idStart: first, idEnd: last + 1 });
  }
  await writeManifest(folder, {
    name: "six million",
    classNames: [...cifar10ClassNames],
    imageShape: [32, 32, 3],
    splits: {
      train: { rows: numRows, shards, classCounts },
      test: { rows: 0, shards: [], classCounts: new Array<number>(10).fill(0) },
    },
    ...{ configHash: sha256("config"), config: { seed: 3 }, models: {}, removals: {}, createdBy: "cifar5m tests" },
  });
}

/** Writes a shard whose black images are left out of the file's blocks. @returns its bytes */
async function writeSparse(path: string, start: number, classCounts: number[]): Promise<number> {
  await mkdir(dirname(path), { recursive: true });
  const handle = await open(path, "w");
  let position = 0;
  const sink = {
    get bytes() {
      return position;
    },
    async write(data: Uint8Array | string) {
      const bytes = typeof data === "string" ? Buffer.from(data) : data;
      const isImages = bytes.byteLength === imageBytesPerBatch;
      if (!isImages && bytes.byteLength > 0) await handle.write(bytes, 0, bytes.byteLength, position);
      position += bytes.byteLength;
    },
  };
  try {
    await writeShard(sink, batchesFrom(start, classCounts));
    await handle.truncate(position);
  } finally {
    await handle.close();
  }
  return position;
}

function* batchesFrom(start: number, classCounts: number[]) {
  const black = new Uint8Array(imageBytesPerBatch);
  for (let row = start; row < start + rowsPerShard; row += rowsPerBatch) {
    const numRows = Math.min(rowsPerBatch, start + rowsPerShard - row);
    const rows = Array.from({ length: numRows }, (_, at) => largeRow(row + at));
    for (const { label } of rows) classCounts[label]!++;
    yield {
      id: Float64Array.from(rows, ({ id }) => id),
      image: black.subarray(0, numRows * 3072),
      label: Uint8Array.from(rows, ({ label }) => label),
      class: Uint8Array.from(rows, ({ asked }) => asked),
      confidence: Float32Array.from(rows, ({ confidence }) => confidence),
      probabilities: new Float32Array(numRows * 10).fill(0.1),
    };
  }
}
