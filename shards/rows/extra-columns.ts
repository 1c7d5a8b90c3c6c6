import type { FileSource } from "../arrow/byte-source.ts";
import { type OpenShard, readShardColumn } from "./open-shard.ts";

/** Columns that a loader hands out if asked to. */
export const extraColumnNames = ["class", "confidence", "probabilities"] as const;
export type ExtraColumn = (typeof extraColumnNames)[number];

/** Their values for some samples; those that were not asked for are left out. */
export interface ExtraValues {
  /** Conditioning class, −1 for none; shape [B]. */
  readonly classes?: Int32Array;
  /** Probability of the label as the labeler gave it, float32, shape [B]. */
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
}

/** @throws Cifar5mError `table/…`, `disk/…` */
export function loadExtras(source: FileSource, shard: OpenShard): LoadedExtras {
  return {
    classes: Int8Array.from(readShardColumn(source, shard, "class")),
    confidences: readShardColumn(source, shard, "confidence"),
  };
}
