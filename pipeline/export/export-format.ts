import type { CommitSink } from "../../storage/commit.ts";
import type { Split } from "../run/units.ts";
import type { RowChunk } from "./export-rows.ts";

/** One part of an export, as a format writes it. */
export interface PartInput {
  readonly numRows: number;
  /** The folder of its split. */
  readonly folder: string;
  readonly classNames: readonly string[];
  /** Its rows; may be called again. */
  readonly rows: () => AsyncGenerator<RowChunk>;
}

/** How a format is written, part by part. */
export interface FileFormat {
  /** Rows of a part unless told otherwise. */
  readonly partSize: number;
  /** Where a part lies in the export. */
  readonly pathOf: (split: Split, part: number) => string;
  readonly write: (sink: CommitSink, input: PartInput) => Promise<void>;
  /** Whether all that belongs to the part at `path`, beside its file, is there. */
  readonly isIntact?: (folder: string, path: string) => Promise<boolean>;
  /** What is left to do for a split once all its parts, at `paths`, are there. */
  readonly finish?: (folder: string, paths: readonly string[]) => Promise<void>;
}

/** The name of a sample in formats that have one: its id, so wide that names sort as ids do. */
export function sampleName(id: number): string {
  return String(id).padStart(8, "0");
}

/** `part-00017.tar`. */
export function partName(part: number, extension: string): string {
  return `part-${String(part).padStart(5, "0")}.${extension}`;
}
