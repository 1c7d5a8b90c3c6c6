import { join } from "node:path";
import { Cifar5mError } from "../../core/errors.ts";
import { imageBytes } from "../../core/image-layout.ts";
import { type Manifest, readShardBatches, type ShardEntry, type ShardRows } from "../../shards/index.ts";
import { hashFile } from "../../storage/commit-unit.ts";
import type { Split } from "../run/units.ts";

/** Some rows of a data set. */
export interface RowChunk extends ShardRows {
  readonly rows: number;
}

/**
 * Rows `start` to `end` of a split, in order, in constant memory. A shard is checked against the manifest before any of
 * it is handed on, so that damage does not travel.
 * @param options.directory - the folder of the manifest
 * @throws Cifar5mError `shard/hash-mismatch`, `table/…`, `disk/…`
 */
export async function* readExportRows(options: {
  readonly directory: string;
  readonly manifest: Manifest;
  readonly split: Split;
  readonly start: number;
  readonly end: number;
}): AsyncGenerator<RowChunk> {
  const { directory, manifest, start, end } = options;
  const numClasses = manifest.classNames.length;
  let row = 0;
  for (const entry of manifest.splits[options.split].shards) {
    const first = row;
    row += entry.rows;
    if (row <= start || first >= end) continue;
    const path = join(directory, entry.file);
    await requireUnchanged(path, entry);
    let batchStart = first;
    for await (const { rows, columns } of readShardBatches(path, numClasses)) {
      const from = Math.max(0, start - batchStart);
      const to = Math.min(rows, end - batchStart);
      batchStart += rows;
      if (from < to) yield sliceRows(columns, from, to, numClasses);
    }
  }
}

async function requireUnchanged(path: string, entry: ShardEntry): Promise<void> {
  const { sha256 } = await hashFile(path);
  if (sha256 === entry.sha256) return;
  throw new Cifar5mError(
    "shard/hash-mismatch",
    `${path} is sha256 ${sha256.slice(0, 12)}…, the manifest says ${entry.sha256.slice(0, 12)}…. ` +
      "Delete it and run the command that made it again.",
  );
}

function sliceRows(columns: ShardRows, from: number, to: number, numClasses: number): RowChunk {
  return {
    rows: to - from,
    id: columns.id.subarray(from, to),
    image: columns.image.subarray(from * imageBytes, to * imageBytes),
    label: columns.label.subarray(from, to),
    class: columns.class.subarray(from, to),
    confidence: columns.confidence.subarray(from, to),
    probabilities: columns.probabilities.subarray(from * numClasses, to * numClasses),
  };
}
