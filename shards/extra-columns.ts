import type { FileSource } from "./byte-source.ts";
import { readColumn } from "./read-table.ts";
import { findInterval } from "./row-search.ts";
import { shardColumnsOf } from "./shard-schema.ts";
import { readTableLayout } from "./table-layout.ts";

/** Columns that a loader hands out if asked to. */
export const extraColumnNames = ["class", "confidence", "probabilities"] as const;
export type ExtraColumn = (typeof extraColumnNames)[number];

/** Their values for some samples; those that were not asked for are left out. */
export interface ExtraValues {
  /** Conditioning class, −1 for none; shape [B]. */
  readonly classes?: Int32Array;
  /** Probability of the label as the labeller gave it, float32, shape [B]. */
  readonly confidences?: Float32Array;
  /** float32, shape [B, classes]. */
  readonly probabilities?: Float32Array;
}

/** Room for the columns asked for. */
export function allocateExtras(columns: readonly ExtraColumn[], numRows: number, numClasses: number): ExtraValues {
  return {
    ...(columns.includes("class") ? { classes: new Int32Array(numRows) } : {}),
    ...(columns.includes("confidence") ? { confidences: new Float32Array(numRows) } : {}),
    ...(columns.includes("probabilities") ? { probabilities: new Float32Array(numRows * numClasses) } : {}),
  };
}

/** What is kept of these columns of a shard: 5 bytes a row; probabilities are read where they lie. */
export interface LoadedExtras {
  readonly classes: Int8Array;
  readonly confidences: Float32Array;
  readonly batchStarts: Float64Array;
  readonly batchPositions: Float64Array;
  /** Bytes of a row's probabilities. */
  readonly rowBytes: number;
}

/** @throws BuilderError `table/…`, `disk/…` */
export function loadExtras(source: FileSource, numClasses: number): LoadedExtras {
  const columns = shardColumnsOf(numClasses);
  const { batches, rows } = readTableLayout(source, columns);
  const names = Object.keys(columns);
  const read = <Name extends "class" | "confidence">(name: Name) =>
    readColumn(source, name, columns[name], names.indexOf(name), batches, rows);
  const probabilities = names.indexOf("probabilities");
  return {
    classes: Int8Array.from(read("class")),
    confidences: read("confidence"),
    batchStarts: Float64Array.from(batches, ({ firstRow }) => firstRow),
    batchPositions: Float64Array.from(batches, ({ regions }) => regions[probabilities]?.position ?? 0),
    rowBytes: 4 * numClasses,
  };
}

/**
 * Copies a row's values to place `index`.
 * @param open - the shard's file
 */
export function copyExtras(
  extras: LoadedExtras,
  row: number,
  index: number,
  target: ExtraValues,
  open: () => FileSource,
): void {
  if (target.classes !== undefined) target.classes[index] = extras.classes[row]!;
  if (target.confidences !== undefined) target.confidences[index] = extras.confidences[row]!;
  if (target.probabilities === undefined) return;
  const batch = findInterval(extras.batchStarts, row, extras.batchStarts.length / extras.confidences.length);
  const { rowBytes } = extras;
  const position = extras.batchPositions[batch]! + (row - extras.batchStarts[batch]!) * rowBytes;
  const { buffer, byteOffset } = target.probabilities;
  open().readInto(position, new Uint8Array(buffer, byteOffset + index * rowBytes, rowBytes));
}
