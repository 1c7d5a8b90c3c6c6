import * as z from "zod";
import { damagedFileAdvice } from "../../core/damaged-file-advice.ts";
import { Cifar5mError } from "../../core/errors.ts";
import { hashText } from "../../core/hash-text.ts";
import { unsealJson } from "../../storage/canonical-json.ts";
import { parseRecord, safeCount, sha256Text } from "../../storage/record-schema.ts";

/** The version of a data set that was made at once. */
export const manifestVersion = 1;
/** The version of a data set that has grown: it has the key `growth`. */
export const grownManifestVersion = 2;

/** File name of the manifest in a data set folder. */
export const manifestName = "manifest.json";

/** A shard must be smaller: no reader of Arrow files in JavaScript takes more. */
const maxShardBytes = 2 ** 31;
/** Bytes that a row takes at least: its image, id, label, class and confidence. */
const minRowBytes = 3 * 8 + 3072 + 4;

/** A shard in the manifest. */
const shardEntrySchema = z.strictObject({
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

/** An earlier size of a data set that has grown. Its shards come first in each split. */
const earlierSizeSchema = z.strictObject({
  /** Number of shards of each split. */
  train: safeCount,
  test: safeCount,
  /** Identified the data set then. */
  sha256: sha256Text,
});

/** manifest.json without its checksum. */
export const manifestSchema = z.strictObject({
  version: z.literal([manifestVersion, grownManifestVersion]),
  name: z.string().min(1),
  classNames: z.array(z.string().min(1)).min(1),
  /** Height, width, channels. */
  imageShape: z.tuple([z.literal(32), z.literal(32), z.literal(3)]),
  splits: z.strictObject({ train: splitSchema, test: splitSchema }),
  /** The sizes that the data set had before, oldest first. Missing if it has not grown. */
  growth: z.array(earlierSizeSchema).min(1).optional(),
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
/** An earlier size of a data set, by its number of shards. */
export type EarlierSize = Readonly<z.infer<typeof earlierSizeSchema>>;

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

/** The shards of both splits. */
export type SplitShards = Readonly<Record<SplitName, { readonly shards: readonly ShardEntry[] }>>;

/**
 * Identifies a data set: sha256 over the names and hashes of its shards, train before test, in order. Of a set that has
 * grown its earlier sizes follow, since its loaders serve the rows of each size after those of the size before.
 */
export function hashShards(splits: SplitShards, growth: readonly EarlierSize[] = []): string {
  const shards = splitNames.flatMap((split) => splits[split].shards.map(({ file, sha256 }) => `${file} ${sha256}\n`));
  const sizes = growth.map(({ train, test, sha256 }) => `grown ${train} ${test} ${sha256}\n`);
  return hashText([...shards, ...sizes].join(""));
}

/**
 * The earlier sizes of a set that has grown.
 * @param numShards - number of shards of each split at each of them, oldest first
 */
export function describeGrowth(
  splits: SplitShards,
  numShards: readonly Readonly<Record<SplitName, number>>[],
): EarlierSize[] {
  const growth: EarlierSize[] = [];
  for (const { train, test } of numShards) {
    const before = {
      train: { shards: splits.train.shards.slice(0, train) },
      test: { shards: splits.test.shards.slice(0, test) },
    };
    growth.push({ train, test, sha256: hashShards(before, growth) });
  }
  return growth;
}

/** Number of rows that a split had at each earlier size of the set, oldest first. */
export function earlierRows({ splits, growth = [] }: Pick<Manifest, "splits" | "growth">, split: SplitName): number[] {
  const { shards } = splits[split];
  return growth.map((size) => shards.slice(0, size[split]).reduce((sum, { rows }) => sum + rows, 0));
}

/**
 * Parses the manifest that `writeManifest` wrote, and checks its checksum and its rules.
 * @param path - named in errors
 * @throws Cifar5mError `manifest/invalid`, `manifest/version-unsupported`, `json/corrupt`
 */
export function parseManifestText(text: string, path: string): Manifest {
  return parseManifest(unsealJson(text, path, damagedFileAdvice), path);
}

export function parseManifest(value: unknown, path: string): Manifest {
  const versions = [manifestVersion, grownManifestVersion];
  const manifest = parseRecord(manifestSchema, value, "manifest", path, versions, damagedFileAdvice);
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
  requireGrowth(manifest, path);
  if (manifest.sha256 !== hashShards(manifest.splits, manifest.growth)) {
    throw invalid(path, "sha256 does not follow from the shards");
  }
  return manifest;
}

function requireGrowth({ version, splits, growth }: Manifest, path: string): void {
  if ((version === grownManifestVersion) !== (growth !== undefined)) {
    throw invalid(path, `version ${version} must ${growth === undefined ? "have" : "not have"} the key growth`);
  }
  for (const split of splitNames) {
    const counts = [...(growth ?? []).map((size) => size[split]), splits[split].shards.length];
    if (counts.some((count, index) => index > 0 && count < counts[index - 1]!)) {
      throw invalid(path, `growth must not have falling numbers of ${split} shards, got ${counts.join(", ")}`);
    }
  }
  const found = describeGrowth(splits, growth ?? []);
  if (found.some(({ sha256 }, index) => sha256 !== growth![index]!.sha256)) {
    throw invalid(path, "sha256 of an earlier size does not follow from the shards");
  }
}

function invalid(path: string, what: string): Cifar5mError {
  return new Cifar5mError("manifest/invalid", `${path}: ${what}. ${damagedFileAdvice}`);
}
