/** The data set that `loader.ts` measures readers on, and what each is asked to do with it. */

import { join } from "node:path";
import { cifar10ClassNames } from "../../core/image-layout.ts";
import { fillBits, randomStreams } from "../../core/random.ts";
import { writeManifest } from "../../shards/format/manifest-file.ts";
import { writeShard } from "../../shards/format/write-shard.ts";
import type { ShardEntry } from "../../shards/index.ts";
import { hashConfig } from "../../storage/canonical-json.ts";
import { commitFile } from "../../storage/commit.ts";

export const batchSize = 256;
const rowsPerShard = 10_000;

/** Writes a data set of random images, label = id mod 10. */
export async function writeBenchmarkSet(folder: string, numImages: number): Promise<void> {
  const shards: ShardEntry[] = [];
  for (let start = 0; start < numImages; start += rowsPerShard) {
    const rows = Math.min(rowsPerShard, numImages - start);
    const bits = new Uint32Array((rows * 3072) / 4);
    fillBits({ seed: 1, stream: randomStreams.sampleNoise, id: start }, bits);
    const label = Uint8Array.from({ length: rows }, (_, row) => (start + row) % 10);
    const probabilities = new Float32Array(rows * 10);
    for (let row = 0; row < rows; row++) probabilities[row * 10 + label[row]!] = 1;
    const id = Float64Array.from({ length: rows }, (_, row) => start + row);
    const confidence = new Float32Array(rows).fill(1);
    const file = `train/part-${String(shards.length).padStart(5, "0")}.arrow`;
    const { bytes, sha256 } = await commitFile(join(folder, file), async (sink) => {
      await writeShard(sink, [
        { id, image: new Uint8Array(bits.buffer), label, class: label, confidence, probabilities },
      ]);
    });
    shards.push({ file, rows, bytes, sha256, idStart: start, idEnd: start + rows });
  }
  const counts = cifar10ClassNames.map((_, label) => Math.floor((numImages - label + 9) / 10));
  await writeManifest(folder, {
    name: "benchmark",
    classNames: [...cifar10ClassNames],
    imageShape: [32, 32, 3],
    splits: {
      train: { rows: numImages, shards, classCounts: counts },
      test: { rows: 0, shards: [], classCounts: cifar10ClassNames.map(() => 0) },
    },
    configHash: hashConfig({}),
    config: {},
    models: {},
    removals: {},
    createdBy: "cifar5m benchmark",
  });
}
