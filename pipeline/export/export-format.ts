import type { SplitName } from "../../shards/format/manifest.ts";
import { nameOfPart } from "../../shards/format/part-name.ts";
import type { CommitSink } from "../../storage/commit.ts";
import type { ShardReader } from "../run/shard-reader.ts";
import type { SplitPart } from "../run/units.ts";
import type { RowChunk } from "./export-rows.ts";

/** One part of an export, as a format writes it. */
export interface PartInput {
  readonly numRows: number;
  /** The folder of the part's split. */
  readonly folder: string;
  readonly classNames: readonly string[];
  /** The rows of the part. It may be called again. */
  readonly rows: () => AsyncGenerator<RowChunk>;
}

/** A finished export. */
export interface WrittenExport {
  readonly target: string;
  readonly reader: ShardReader;
  readonly parts: readonly SplitPart[];
}

/** How a format is written, part by part. */
export interface FileFormat {
  /** Default number of rows of a part. */
  readonly partSize: number;
  /** Path of a part within the export. */
  readonly pathOf: (split: SplitName, part: number) => string;
  readonly write: (sink: CommitSink, input: PartInput) => Promise<void>;
  /** Whether all files exist that belong to the part at `path`, besides the file itself. */
  readonly isIntact?: (folder: string, path: string) => Promise<boolean>;
  /** Finishes a split when all its parts, at `paths`, exist. */
  readonly finish?: (folder: string, paths: readonly string[]) => Promise<void>;
  /** Describes the finished export, whose parts are those of all written splits. */
  readonly describe?: (written: WrittenExport) => Promise<void>;
}

/** The name of a sample in formats that have names: its id, padded so that names sort as ids below 10⁸ do. */
export function sampleName(id: number): string {
  return String(id).padStart(8, "0");
}

/** `part-00017.tar`. */
export function partName(part: number, extension: string): string {
  return `part-${nameOfPart(part)}.${extension}`;
}
