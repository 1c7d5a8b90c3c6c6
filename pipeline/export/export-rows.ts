import { imageBytes } from "../../core/image-layout.ts";
import type { SplitName } from "../../shards/format/manifest.ts";
import type { ShardRows } from "../../shards/format/shard-schema.ts";
import type { ShardReader } from "../run/shard-reader.ts";

/** Some rows of a data set. */
export interface RowChunk extends ShardRows {
  readonly rows: number;
}

/**
 * Reads rows `start` to `end` of a split, in order, in constant memory. A shard is checked against the manifest before
 * any of its rows is passed on, so damage is not exported.
 * @throws as `ShardReader.read`
 */
export async function* readExportRows(options: {
  readonly reader: ShardReader;
  readonly split: SplitName;
  readonly start: number;
  readonly end: number;
  readonly signal: AbortSignal;
}): AsyncGenerator<RowChunk> {
  const { reader, start, end, signal } = options;
  const { classNames, splits } = reader.manifest;
  let row = 0;
  for (const entry of splits[options.split].shards) {
    const first = row;
    row += entry.rows;
    if (first >= end) return;
    if (row <= start) continue;
    const range = { start: start - first, end: end - first };
    for await (const { firstRow, rows, columns } of reader.read(entry, signal, range)) {
      signal.throwIfAborted();
      const from = Math.max(0, range.start - firstRow);
      const to = Math.min(rows, range.end - firstRow);
      yield sliceRows(columns, from, to, classNames.length);
    }
  }
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
