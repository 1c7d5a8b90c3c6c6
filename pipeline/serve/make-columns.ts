import { join } from "node:path";
import { Cifar5mError } from "../../core/errors.ts";
import { nextTurn } from "../../core/next-turn.ts";
import type { FileSource } from "../../shards/arrow/byte-source.ts";
import { openFileSource } from "../../shards/arrow/file-source.ts";
import { readColumn } from "../../shards/arrow/read-table.ts";
import { readTableLayout } from "../../shards/arrow/table-layout.ts";
import { flagColumns, flagNames, flagsTableName } from "../../shards/format/flags.ts";
import type { SplitName } from "../../shards/index.ts";
import { type OpenShard, openShard, readIdsAndLabels, readShardColumn } from "../../shards/rows/open-shard.ts";
import type { PublishedDataset } from "../run/find-dataset.ts";
import { realPathInside } from "./resource.ts";
import { allocateColumns, noClassBit, type RowColumns } from "./row-columns.ts";

/** The largest id offset of two bytes. */
const maxShortOffset = 0xffff;
/** The largest id offset of four bytes. */
const maxOffset = 0xffff_ffff;

/**
 * Reads the columns of a split that the page filters by: 28 bytes a row of the shards, none of the images.
 * @param hasFlags - whether the table of flags beside the set may be used
 * @returns the file that row-columns.ts describes
 * @throws Cifar5mError `serve/outside-folder`, `serve/ids-too-far-apart`; `table/…`, `shard/…`, `disk/…`
 */
export async function makeColumns(
  dataset: PublishedDataset,
  split: SplitName,
  { hasFlags }: { readonly hasFlags: boolean },
): Promise<Uint8Array> {
  const { directory, manifest } = dataset;
  const { shards, rows: numRows } = manifest.splits[split];
  const numClasses = manifest.classNames.length;
  const parts: { readonly path: string; readonly shard: OpenShard }[] = [];
  let largest = 0;
  for (const entry of shards) {
    const path = await realPathInside(directory, join(directory, entry.file));
    withFile(path, (source) => {
      const shard = openShard(source, entry, numClasses);
      const ids = readShardColumn(source, shard, "id");
      for (const { firstRow, rows } of shard.batches) {
        largest = Math.max(largest, idRange(ids.subarray(firstRow, firstRow + rows)).span);
      }
      parts.push({ path, shard });
    });
    await nextTurn();
  }
  if (largest > maxOffset) {
    throw new Cifar5mError(
      "serve/ids-too-far-apart",
      `ids of a record batch of ${split} must lie within 2^32 of each other, got ${largest}. Order the rows by id.`,
    );
  }
  const numBatches = parts.reduce((sum, { shard }) => sum + shard.batches.length, 0);
  const offsetBytes = largest > maxShortOffset ? 4 : 2;
  const { bytes, columns } = allocateColumns({ numRows, numBatches, offsetBytes, hasFlags });
  let [firstBatch, firstRow] = [0, 0];
  for (const { path, shard } of parts) {
    withFile(path, (source) => fillShard(source, shard, { columns, firstBatch, firstRow, numClasses }));
    firstBatch += shard.batches.length;
    firstRow += shard.rows;
    await nextTurn();
  }
  if (hasFlags) await fillFlags(dataset, split, columns.flags);
  return bytes;
}

function withFile(path: string, work: (source: FileSource) => void): void {
  const source = openFileSource(path);
  try {
    work(source);
  } finally {
    source.close();
  }
}

function idRange(ids: Float64Array): { readonly base: number; readonly span: number } {
  let [least, most] = [Number.POSITIVE_INFINITY, 0];
  for (const id of ids) {
    least = Math.min(least, id);
    most = Math.max(most, id);
  }
  return ids.length === 0 ? { base: 0, span: 0 } : { base: least, span: most - least };
}

function fillShard(
  source: FileSource,
  shard: OpenShard,
  {
    columns,
    firstBatch,
    firstRow,
    numClasses,
  }: { columns: RowColumns; firstBatch: number; firstRow: number; numClasses: number },
): void {
  const { ids, labels } = readIdsAndLabels(source, shard, numClasses);
  const classes = readShardColumn(source, shard, "class");
  columns.labels.set(labels, firstRow);
  columns.confidences.set(readShardColumn(source, shard, "confidence"), firstRow);
  columns.imagePositions.set(shard.positions.image, firstBatch);
  columns.probabilityPositions.set(shard.positions.probabilities, firstBatch);
  for (const [at, { firstRow: start, rows }] of shard.batches.entries()) {
    const { base } = idRange(ids.subarray(start, start + rows));
    columns.firstRows[firstBatch + at] = firstRow + start;
    columns.idBases[firstBatch + at] = base;
    for (let row = start; row < start + rows; row++) columns.idOffsets[firstRow + row] = ids[row]! - base;
  }
  for (const [row, asked] of classes.entries()) {
    columns.classes[firstRow + row] = Math.max(0, asked);
    if (asked < 0) columns.flags[firstRow + row]! |= noClassBit;
  }
}

async function fillFlags(
  { directory, manifest }: PublishedDataset,
  split: SplitName,
  flags: Uint8Array,
): Promise<void> {
  const path = await realPathInside(directory, join(directory, flagsTableName));
  const start = split === "train" ? 0 : manifest.splits.train.rows;
  withFile(path, (source) => {
    const layout = readTableLayout(source, flagColumns);
    for (const [bit, name] of flagNames.entries()) {
      const values = readColumn(source, flagColumns, name, layout);
      for (let row = 0; row < flags.length; row++) flags[row]! |= (values[start + row]! & 1) << bit;
    }
  });
}
