import * as z from "zod";
import { Cifar5mError } from "../../core/errors.ts";
import { hashText } from "../../core/hash-text.ts";
import { unsealJson } from "../../storage/canonical-json.ts";
import { parseRecord, safeCount, sha256Text } from "../../storage/record-schema.ts";

/** The version this code writes, and the only one it reads. */
export const manifestVersion = 1;

/** File name of the manifest in a data set folder. */
export const manifestName = "manifest.json";

/** A shard must be smaller: no reader of Arrow files in JavaScript takes more. */
const maxShardBytes = 2 ** 31;
/** Bytes that a row takes at least: its image, id, label, class and confidence. */
const minRowBytes = 3 * 8 + 3072 + 4;

/** A shard in the manifest. */
export const shardEntrySchema = z.strictObject({
  /** Relative to the dataset folder, with forward slashes. */
  file: z.string().regex(/^(?!.*\.\.)[A-Za-z0-9_-]+\/[A-Za-z0-9_.-]+\.arrow$/, "must be like train/part-00000.arrow"),
  rows: safeCount,
  bytes: safeCount.lt(maxShardBytes),
  sha256: sha256Text,
  /** Every id of the shard lies in [idStart, idEnd). */
  idStart: safeCount,
  idEnd: safeCount,
});

const splitSchema = z.strictObject({
  rows: safeCount,
  shards: z.array(shardEntrySchema),
  /** Rows by label. */
  classCounts: z.array(safeCount),
});

/** manifest.json without its checksum. */
export const manifestSchema = z.strictObject({
  version: z.literal(manifestVersion),
  name: z.string().min(1),
  classNames: z.array(z.string().min(1)),
  /** Height, width, channels. */
  imageShape: z.tuple([z.literal(32), z.literal(32), z.literal(3)]),
  splits: z.strictObject({ train: splitSchema, test: splitSchema }),
  configHash: sha256Text,
  /** The resolved configuration. */
  config: z.record(z.string(), z.json()),
  /** sha256 of every model, by name. */
  models: z.record(z.string(), sha256Text),
  /** Number of rows left out, by reason. */
  removals: z.record(z.string(), safeCount),
  /** Identifies the data set: see `hashShards`. */
  sha256: sha256Text,
  createdBy: z.string().min(1),
});

/** What a data set holds. It has no times and no host names, so equal builds give equal bytes. */
export type Manifest = Readonly<z.infer<typeof manifestSchema>>;
export type ShardEntry = Readonly<z.infer<typeof shardEntrySchema>>;
/** The shards of a split, with their rows in total and by label. */
export type SplitEntry = Readonly<z.infer<typeof splitSchema>>;
export type SplitName = keyof Manifest["splits"];

/** The splits, in the order in which they are hashed and verified. */
export const splitNames = ["train", "test"] as const satisfies readonly SplitName[];

/**
 * The entry of a split in the manifest.
 * @param classCounts - rows of the split by label
 */
export function describeSplit(shards: readonly ShardEntry[], classCounts: readonly number[]): SplitEntry {
  return {
    rows: shards.reduce((sum, { rows }) => sum + rows, 0),
    shards: [...shards],
    classCounts: [...classCounts],
  };
}

/** Identifies a data set: sha256 over the names and hashes of its shards, train before test, in order. */
export function hashShards(splits: Readonly<Record<SplitName, { readonly shards: readonly ShardEntry[] }>>): string {
  return hashText(
    splitNames.flatMap((split) => splits[split].shards.map((shard) => `${shard.file} ${shard.sha256}\n`)).join(""),
  );
}

/**
 * Parses the manifest that `writeManifest` wrote, and checks its checksum and its rules.
 * @param path - named in errors
 * @throws Cifar5mError `manifest/invalid`, `manifest/version-unsupported`, `json/corrupt`
 */
export function parseManifestText(text: string, path: string): Manifest {
  return parseManifest(unsealJson(text, path), path);
}

export function parseManifest(value: unknown, path: string): Manifest {
  const manifest = parseRecord(manifestSchema, value, "manifest", path, manifestVersion);
  for (const split of splitNames) {
    const { rows, shards, classCounts } = manifest.splits[split];
    // Readers allocate memory by the number of rows, so refuse more rows than the bytes can hold.
    const full = shards.find(
      (shard) => shard.rows * minRowBytes > shard.bytes || shard.rows > shard.idEnd - shard.idStart,
    );
    if (full !== undefined) {
      const { file, bytes, idStart, idEnd } = full;
      throw invalid(path, `${file} cannot hold ${full.rows} rows in ${bytes} bytes with ids in [${idStart}, ${idEnd})`);
    }
    const shardRows = shards.reduce((sum, shard) => sum + shard.rows, 0);
    const labeled = classCounts.reduce((sum, count) => sum + count, 0);
    if (shardRows !== rows || labeled !== rows || classCounts.length !== manifest.classNames.length) {
      throw invalid(
        path,
        `${split} says ${rows} rows, its shards ${shardRows}, its ${classCounts.length} classes ${labeled}`,
      );
    }
  }
  if (manifest.sha256 !== hashShards(manifest.splits)) throw invalid(path, "sha256 does not follow from the shards");
  return manifest;
}

function invalid(path: string, what: string): Cifar5mError {
  return new Cifar5mError("manifest/invalid", `${path}: ${what}. Delete it and publish again to rebuild it.`);
}
