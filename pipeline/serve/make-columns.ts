import { join } from "node:path";
import { Cifar5mError } from "../../core/errors.ts";
import { nextTurn } from "../../core/next-turn.ts";
import type { FileSource } from "../../shards/arrow/byte-source.ts";
import { openFileSource } from "../../shards/arrow/file-source.ts";
import { fromInt64 } from "../../shards/arrow/int64.ts";
import { readColumn } from "../../shards/arrow/read-table.ts";
import { type BatchLayout, readTableLayout } from "../../shards/arrow/table-layout.ts";
import { flagColumns, flagNames, flagsTableName } from "../../shards/format/flags.ts";
import { shardColumns, shardColumnsOf } from "../../shards/format/shard-schema.ts";
import type { SplitName } from "../../shards/index.ts";
import type { PublishedDataset } from "../run/find-dataset.ts";
import { realPathInside } from "./resource.ts";
import { allocateColumns, noClass, type RowColumns } from "./row-columns.ts";

const columnNames = Object.keys(shardColumns);
const columnIndex = (name: keyof typeof shardColumns) => columnNames.indexOf(name);

/** The largest id offset of two bytes. */
const maxShortOffset = 0xffff;
/** The largest id offset of four bytes. */
const maxOffset = 0xffff_ffff;

/**
 * Reads the columns of a split that the page filters by: 28 bytes a row of the shards, none of the images.
 * @param hasFlags - whether the table of flags beside the set may be used
 * @returns the file that row-columns.ts describes
 * @throws Cifar5mError `serve/outside-folder`, `serve/ids-too-far-apart`; `table/…`, `disk/…`
 */
export async function makeColumns(
  dataset: PublishedDataset,
  split: SplitName,
  { hasFlags }: { readonly hasFlags: boolean },
): Promise<Uint8Array> {
  const { directory, manifest } = dataset;
  const { shards, rows: numRows } = manifest.splits[split];
  const columnsOfShard = shardColumnsOf(manifest.classNames.length);
  const parts: { readonly path: string; readonly batches: readonly BatchLayout[] }[] = [];
  let largest = 0;
  for (const { file, rows } of shards) {
    const path = await realPathInside(directory, join(directory, file));
    const layout = withFile(path, (source) => {
      const found = readTableLayout(source, columnsOfShard);
      for (const batch of found.batches) largest = Math.max(largest, idRange(source, batch).span);
      return found;
    });
    if (layout.rows !== rows) {
      throw new Cifar5mError(
        "shard/rows-mismatch",
        `${path} holds ${layout.rows} rows, the manifest says ${rows}. Run \`cifar5m verify\`.`,
      );
    }
    parts.push({ path, batches: layout.batches });
    await nextTurn();
  }
  if (largest > maxOffset) {
    throw new Cifar5mError(
      "serve/ids-too-far-apart",
      `ids of a record batch of ${split} must lie within 2^32 of each other, got ${largest}. Order the rows by id.`,
    );
  }
  const numBatches = parts.reduce((sum, { batches }) => sum + batches.length, 0);
  const offsetBytes = largest > maxShortOffset ? 4 : 2;
  const { bytes, columns } = allocateColumns({ numRows, numBatches, offsetBytes, hasFlags });
  let [batchIndex, firstRow] = [0, 0];
  for (const { path, batches } of parts) {
    withFile(path, (source) => {
      for (const batch of batches) {
        fillBatch(source, batch, { columns, batchIndex, firstRow });
        batchIndex++;
        firstRow += batch.rows;
      }
    });
    await nextTurn();
  }
  if (hasFlags) await fillFlags(dataset, split, columns.flags);
  return bytes;
}

function withFile<Result>(path: string, work: (source: FileSource) => Result): Result {
  const source = openFileSource(path);
  try {
    return work(source);
  } finally {
    source.close();
  }
}

function readInt64(source: FileSource, batch: BatchLayout, name: "id" | "label" | "class"): Float64Array {
  const { position, bytes } = batch.regions[columnIndex(name)]!;
  const values = new BigInt64Array(batch.rows);
  source.readInto(position, new Uint8Array(values.buffer, 0, bytes));
  return fromInt64(values, name);
}

function idRange(source: FileSource, batch: BatchLayout): { readonly ids: Float64Array; base: number; span: number } {
  const ids = readInt64(source, batch, "id");
  let [least, most] = [Number.POSITIVE_INFINITY, 0];
  for (const id of ids) {
    least = Math.min(least, id);
    most = Math.max(most, id);
  }
  return ids.length === 0 ? { ids, base: 0, span: 0 } : { ids, base: least, span: most - least };
}

function fillBatch(
  source: FileSource,
  batch: BatchLayout,
  { columns, batchIndex, firstRow }: { columns: RowColumns; batchIndex: number; firstRow: number },
): void {
  const { ids, base } = idRange(source, batch);
  columns.firstRows[batchIndex] = firstRow;
  columns.idBases[batchIndex] = base;
  columns.imagePositions[batchIndex] = batch.regions[columnIndex("image")]!.position;
  columns.probabilityPositions[batchIndex] = batch.regions[columnIndex("probabilities")]!.position;
  const [labels, classes] = [readInt64(source, batch, "label"), readInt64(source, batch, "class")];
  const confidences = new Float32Array(batch.rows);
  const { position, bytes } = batch.regions[columnIndex("confidence")]!;
  source.readInto(position, new Uint8Array(confidences.buffer, 0, bytes));
  columns.confidences.set(confidences, firstRow);
  for (let row = 0; row < batch.rows; row++) {
    columns.idOffsets[firstRow + row] = ids[row]! - base;
    columns.labels[firstRow + row] = labels[row]!;
    columns.classes[firstRow + row] = classes[row]! < 0 ? noClass : classes[row]!;
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
    const { batches, rows } = readTableLayout(source, flagColumns);
    const names = Object.keys(flagColumns);
    for (const [bit, name] of flagNames.entries()) {
      const values = readColumn(source, name, flagColumns[name], names.indexOf(name), batches, rows);
      for (let row = 0; row < flags.length; row++) flags[row]! |= (values[start + row]! & 1) << bit;
    }
  });
}
