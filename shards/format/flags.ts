import * as z from "zod";
import { Cifar5mError, hasCode } from "../../core/errors.ts";
import { shortHash } from "../../core/format.ts";
import { unsealJson } from "../../storage/canonical-json.ts";
import { parseRecord, safeCount, sha256Text } from "../../storage/record-schema.ts";
import type { TableSchema } from "../arrow/table-schema.ts";
import type { Manifest, ShardEntry } from "./manifest.ts";

/** The version of flags.json that this code writes, and the only one it reads. */
export const flagsVersion = 1;
/** The file beside the manifest that describes the table of flags. */
export const flagsName = "flags.json";
/** The table of flags, an Arrow file. */
export const flagsTableName = "flags.arrow";

/** What an audit found out about a row. Each is 0 or 1. */
export const flagNames = ["nearCopy", "memorized", "leak", "nearDuplicate", "mislabeled"] as const;
export type FlagName = (typeof flagNames)[number];

/** Columns of the table of flags. Its rows are those of the train split, then those of the test split, in order. */
export const flagColumns = {
  /** Sample id. */
  id: "int64",
  /** A near-copy of a CIFAR-10 train image. */
  nearCopy: "uint8",
  /** Much nearer to one train image than to the others, by the ratio or the adaptive test. */
  memorized: "uint8",
  /** A near-copy of a CIFAR-10 test image, or much nearer to one than to the others. */
  leak: "uint8",
  /** A near-copy of an image of the set with a smaller id. */
  nearDuplicate: "uint8",
  /** The labeler confidently disagrees with the class that was asked for. */
  mislabeled: "uint8",
  /** Index of the nearest CIFAR-10 train image, in the order of the copy that was compared; −1 for none. */
  trainIndex: "int64",
  /** 1 if its mirror image is the nearest one. */
  trainMirrored: "uint8",
  /** Root of the summed squared differences of all 3,072 values, each from 0 to 255. */
  trainDistance: "float32",
  /** The same of the second nearest; −1 if there is none. */
  trainSecondDistance: "float32",
  testIndex: "int64",
  testMirrored: "uint8",
  testDistance: "float32",
  testSecondDistance: "float32",
  /** Id of the image of the set that this one is a near-duplicate of; −1 for none. */
  duplicateOf: "int64",
} as const satisfies TableSchema;

/** A table of more bytes is refused by every reader. */
export const maxTableBytes = 2 ** 31 - 1;

/** The most rows that a table of flags covers. Each takes 55.83 bytes, with its part of the metadata of record batches. */
export const maxFlagRows = 38_000_000;

const flagsSchema = z.strictObject({
  version: z.literal(flagsVersion),
  /** `sha256` of the manifest whose rows these are. */
  dataset: sha256Text,
  rows: safeCount,
  bytes: safeCount.max(maxTableBytes),
  /** Of the table. */
  sha256: sha256Text,
  createdBy: z.string().min(1),
});

/** flags.json without its checksum. */
export type FlagsDescription = Readonly<z.infer<typeof flagsSchema>>;

const again = "Run `cifar5m audit` again.";

/**
 * Parses flags.json, and checks that it belongs to a data set and covers all of its rows.
 * @param path - named in errors
 * @throws Cifar5mError `flags/invalid`, `flags/version-unsupported`, `flags/other-dataset`, `flags/partial`, `json/corrupt`
 */
export function parseFlags(text: string, manifest: Manifest, path: string): FlagsDescription {
  const flags = parseRecord(flagsSchema, unsealJson(text, path), "flags", path, flagsVersion, again);
  if (flags.dataset !== manifest.sha256) {
    throw new Cifar5mError(
      "flags/other-dataset",
      `${path} must be of data set ${shortHash(manifest.sha256)}, it is of ${shortHash(flags.dataset)}. ${again}`,
    );
  }
  const rows = manifest.splits.train.rows + manifest.splits.test.rows;
  if (flags.rows === rows) return flags;
  throw new Cifar5mError(
    "flags/partial",
    `${path} must cover all ${rows} rows, it covers ${flags.rows}. Run \`cifar5m audit\` without --sample.`,
  );
}

/** `parseFlags`, or undefined for flags that loaders refuse: those of another set, or of a sample. */
export function parseUsableFlags(text: string, manifest: Manifest, path: string): FlagsDescription | undefined {
  try {
    return parseFlags(text, manifest, path);
  } catch (thrown) {
    if (hasCode(thrown, "flags/other-dataset", "flags/partial")) return undefined;
    throw thrown;
  }
}

/** The table as an entry of a manifest, so that it is read, fetched, cached and checked like a shard. */
export function tableEntry({ rows, bytes, sha256 }: FlagsDescription): ShardEntry {
  return { file: flagsTableName, rows, bytes, sha256, idStart: 0, idEnd: Number.MAX_SAFE_INTEGER };
}

/** @throws Cifar5mError `flags/missing` */
export function missingFlags(location: string): Cifar5mError {
  return new Cifar5mError(
    "flags/missing",
    `${location} must hold ${flagsName}, and does not. Run \`cifar5m audit\` on the data set, or filter without flags.`,
  );
}

/** The error for a table that is not the described one. */
export function wrongTable(path: string, what: string): Cifar5mError {
  return new Cifar5mError("flags/wrong-table", `${path} ${what}. ${again}`);
}
