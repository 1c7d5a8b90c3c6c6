import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { cifar10ClassNames } from "../../core/image-layout.ts";
import { fillBits, fillUniforms, randomStreams } from "../../core/random.ts";
import { writeManifest } from "../../shards/format/manifest-file.ts";
import { writeShard } from "../../shards/format/write-shard.ts";
import type { Manifest, ShardEntry, SplitName } from "../../shards/index.ts";
import { hashConfig } from "../../storage/canonical-json.ts";
import { commitFile } from "../../storage/commit.ts";
import { sha256 } from "../../storage/sha256.ts";

/** A folder that is removed after the test. */
export async function makeTestFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "cifar5m-test-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** Rows with random images and probabilities; everything follows from the id. */
export function makeRows(ids: readonly number[]) {
  const image = new Uint8Array(ids.length * 3072);
  const probabilities = new Float32Array(ids.length * 10);
  const label = new Uint8Array(ids.length);
  const confidence = new Float32Array(ids.length);
  const bits = new Uint32Array(768);
  for (const [row, id] of ids.entries()) {
    fillBits({ seed: 1, stream: randomStreams.sampleNoise, id }, bits);
    image.set(new Uint8Array(bits.buffer), row * 3072);
    const ofRow = probabilities.subarray(row * 10, row * 10 + 10);
    fillUniforms({ seed: 1, stream: randomStreams.weights, id }, ofRow);
    const sum = ofRow.reduce((total, value) => total + value, 0);
    for (let index = 0; index < 10; index++) ofRow[index] = ofRow[index]! / sum;
    confidence[row] = Math.max(...ofRow);
    label[row] = ofRow.indexOf(confidence[row]!);
  }
  return { id: Float64Array.from(ids), image, label, class: label.slice(), confidence, probabilities };
}

/** sha256 of the bytes of a typed array: quicker to compare, and to print, than millions of numbers. */
export function hashValues(values: ArrayBufferView): string {
  return sha256(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
}

/** Consecutive integers from `start` on. */
export function range(start: number, end: number): number[] {
  return Array.from({ length: end - start }, (_, index) => start + index);
}

/** A small published dataset: shards of `rowsPerShard` rows, ids counting up, train first; every 7th id was dropped. */
export async function makeDataset(
  folder: string,
  options: { readonly train: number; readonly test: number; readonly rowsPerShard: number },
): Promise<Manifest> {
  let nextId = 0;
  const splits = {} as Record<SplitName, { rows: number; shards: ShardEntry[]; classCounts: number[] }>;
  for (const split of ["train", "test"] as const) {
    const shards: ShardEntry[] = [];
    const classCounts = new Array<number>(10).fill(0);
    for (let start = 0; start < options[split]; start += options.rowsPerShard) {
      const idStart = nextId;
      const ids: number[] = [];
      while (ids.length < Math.min(options.rowsPerShard, options[split] - start)) {
        if (nextId % 7 !== 3) ids.push(nextId);
        nextId++;
      }
      const rows = makeRows(ids);
      for (const label of rows.label) classCounts[label] = (classCounts[label] ?? 0) + 1;
      const file = `${split}/part-${String(shards.length).padStart(5, "0")}.arrow`;
      const { bytes, sha256 } = await commitFile(join(folder, file), async (sink) => {
        await writeShard(sink, [rows]);
      });
      shards.push({ file, rows: ids.length, bytes, sha256, idStart, idEnd: nextId });
    }
    splits[split] = { rows: options[split], shards, classCounts };
  }
  const config = { seed: 1, train: options.train };
  const { manifest } = await writeManifest(folder, {
    name: "test set",
    classNames: [...cifar10ClassNames],
    imageShape: [32, 32, 3],
    splits,
    configHash: hashConfig(config),
    config,
    models: { generator: sha256("generator") },
    removals: { "dropped/duplicate-of-train": 3 },
    createdBy: "cifar5m tests",
  });
  return manifest;
}
