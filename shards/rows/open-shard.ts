import { damagedFileAdvice } from "../../core/damaged-file-advice.ts";
import { Cifar5mError } from "../../core/errors.ts";
import { imageBytes } from "../../core/image-layout.ts";
import type { FileSource } from "../arrow/byte-source.ts";
import { fromInt64 } from "../arrow/int64.ts";
import { readColumn } from "../arrow/read-table.ts";
import { type BatchLayout, readTableLayout } from "../arrow/table-layout.ts";
import type { ColumnValues } from "../arrow/table-schema.ts";
import type { ShardEntry } from "../format/manifest.ts";
import { shardColumns, shardColumnsOf } from "../format/shard-schema.ts";
import { findInterval } from "./row-search.ts";

/** Positions of a shard's rows in its file. */
export interface OpenShard {
  readonly rows: number;
  readonly batches: readonly BatchLayout[];
  /** First row of each record batch. */
  readonly batchStarts: Float64Array;
  /** Number of record batches per row. */
  readonly batchesPerRow: number;
  /** Byte position in the file of the first value of each record batch, by column. */
  readonly positions: Readonly<Record<"id" | "label" | "image" | "probabilities", Float64Array>>;
}

/** Ids and labels of rows that are served often: 9 bytes a row, 12 with more than 256 classes. */
export interface IdsAndLabels {
  /** Sample ids, shape [R]. */
  readonly ids: Float64Array;
  /** Labels, shape [R]. */
  readonly labels: Uint8Array | Int32Array;
}

/**
 * Finds the positions of a shard's rows.
 * @throws Cifar5mError `table/…`, `shard/rows-mismatch`; `disk/…`
 */
export function openShard(source: FileSource, entry: ShardEntry, numClasses: number): OpenShard {
  const columns = shardColumnsOf(numClasses);
  const { batches, rows } = readTableLayout(source, columns);
  if (rows !== entry.rows) {
    throw new Cifar5mError(
      "shard/rows-mismatch",
      `${source.path} holds ${rows} rows, the manifest says ${entry.rows}. ${damagedFileAdvice}`,
    );
  }
  const names = Object.keys(columns);
  const positionsOf = (name: keyof typeof columns) =>
    Float64Array.from(batches, (batch) => batch.regions[names.indexOf(name)]?.position ?? 0);
  return {
    rows,
    batches,
    batchStarts: Float64Array.from(batches, (batch) => batch.firstRow),
    batchesPerRow: batches.length / rows,
    positions: {
      id: positionsOf("id"),
      label: positionsOf("label"),
      image: positionsOf("image"),
      probabilities: positionsOf("probabilities"),
    },
  };
}

/**
 * All ids and labels of a shard.
 * @throws Cifar5mError `table/…`, `shard/bad-label`; `disk/…`
 */
export function readIdsAndLabels(source: FileSource, shard: OpenShard, numClasses: number): IdsAndLabels {
  return { ids: readShardColumn(source, shard, "id"), labels: readLabels(source, shard, numClasses) };
}

/** All labels of a shard. Throws as `readIdsAndLabels`. */
export function readLabels(source: FileSource, shard: OpenShard, numClasses: number): IdsAndLabels["labels"] {
  const labels = readShardColumn(source, shard, "label");
  for (const [row, label] of labels.entries()) requireLabel(source, row, label, numClasses);
  const smallest = numClasses <= 256 ? Uint8Array : Int32Array;
  return smallest.from(labels);
}

/** Reads a whole column of a shard with any number of classes. */
export function readShardColumn<Name extends "id" | "label" | "class" | "confidence" | "image">(
  source: FileSource,
  shard: OpenShard,
  name: Name,
): ColumnValues<(typeof shardColumns)[Name]> {
  return readColumn(source, shardColumns, name, shard);
}

const oneValue = new BigInt64Array(1);
const oneValueBytes = new Uint8Array(oneValue.buffer);

/** The position in the file of a row's value in a column. */
export function positionOf(
  shard: OpenShard,
  column: keyof OpenShard["positions"],
  row: number,
  valueBytes: number,
): number {
  const batch = findInterval(shard.batchStarts, row, shard.batchesPerRow);
  return shard.positions[column][batch]! + (row - shard.batchStarts[batch]!) * valueBytes;
}

/** Number of rows from `row` on that lie in one record batch, and so side by side in the file. */
export function rowsLeftInBatch(shard: OpenShard, row: number): number {
  const batch = findInterval(shard.batchStarts, row, shard.batchesPerRow);
  return (shard.batchStarts[batch + 1] ?? shard.rows) - row;
}

/**
 * Reads the id or label of one row from the file. If few rows of a shard are served, this reads far less than the whole
 * column.
 * @throws Cifar5mError `table/…`, `shard/bad-label`; `disk/…`
 */
export function readIdOrLabel(
  source: FileSource,
  shard: OpenShard,
  column: "id" | "label",
  row: number,
  numClasses: number,
): number {
  source.readInto(positionOf(shard, column, row, 8), oneValueBytes);
  const [value] = fromInt64(oneValue, column, { path: source.path, firstRow: row });
  if (column === "label") requireLabel(source, row, value!, numClasses);
  return value!;
}

function requireLabel(source: FileSource, row: number, label: number, numClasses: number): void {
  if (label >= 0 && label < numClasses) return;
  throw new Cifar5mError(
    "shard/bad-label",
    `label of row ${row} of ${source.path} must lie in [0, ${numClasses}), got ${label}. ${damagedFileAdvice}`,
  );
}

/** Bytes of this many images. */
export function imageBytesOf(rows: number): number {
  return rows * imageBytes;
}
