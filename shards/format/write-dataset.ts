import { join } from "node:path";
import { Cifar5mError } from "../../core/errors.ts";
import { programVersion } from "../../core/program-version.ts";
import { requireKeys } from "../../core/require-keys.ts";
import { canonicalJson, hashConfig, type JsonValue } from "../../storage/canonical-json.ts";
import { replaceBytes, replaceFile } from "../../storage/commit.ts";
import { removeFile } from "../../storage/file-facts.ts";
import { listFolder } from "../../storage/list-folder.ts";
import { withLock } from "../../storage/lock-file.ts";
import type { LockHolder } from "../../storage/lock-holder.ts";
import { parseFolder } from "../../storage/parse-location.ts";
import { fileExists } from "../../storage/read-file.ts";
import { removeStaleTemporaries } from "../../storage/temporary-file.ts";
import {
  describeSplit,
  type Manifest,
  manifestName,
  type ShardEntry,
  type SplitEntry,
  type SplitName,
  splitNames,
} from "./manifest.ts";
import { readManifestIfAny, writeManifest } from "./manifest-file.ts";
import { nameOfPart } from "./part-name.ts";
import { type RowSource, SplitRows } from "./split-rows.ts";
import { writeShard } from "./write-shard.ts";

/** A file that is in the folder as long as the data set is unfinished. */
const markName = ".unfinished";
/** A file that is there as long as a process writes the data set. */
const lockName = ".unfinished.lock";
/** Rows of a shard unless told otherwise: 31 MB. */
const defaultRowsPerShard = 10_000;
/** Rows of a shard at most: 1.6 GB. Readers take no file of 2 GiB. */
const maxRowsPerShard = 500_000;

export interface WriteDatasetOptions {
  /** The index is the label. At least two, at most 256. */
  readonly classNames: readonly string[];
  readonly train: RowSource;
  /** Default: no test rows. */
  readonly test?: RowSource;
  /** Default `dataset`. */
  readonly name?: string;
  /** How the data were made; the manifest holds it. */
  readonly config?: { readonly [key: string]: JsonValue };
  /** Rows of each shard but the last of a split, default 10,000, at most 500,000. */
  readonly rowsPerShard?: number;
  readonly signal?: AbortSignal;
}

const optionKeys = ["classNames", "train", "test", "name", "config", "rowsPerShard", "signal"] as const;

/**
 * Writes a data set that `openDataset` opens: Arrow shards, then the manifest. Rows get the ids 0, 1, 2, …, train
 * before test. What an interrupted call left is unfinished, and the same call starts it again from the beginning. One call
 * at a time writes in a folder.
 * @param directory - a path or a `file:` URL; made if it does not exist. It may hold what an interrupted call left, but no finished data set and no
 *   other folders `train` and `test` that are not empty
 * @returns the manifest
 * @throws Cifar5mError `dataset/exists`, `dataset/under-way`, `dataset/not-empty`, `dataset/bad-rows`, `dataset/out-of-range`;
 *   `manifest/invalid`; `store/bad-location` for a location elsewhere; `disk/…`
 */
export async function writeDataset(directory: string | URL, options: WriteDatasetOptions): Promise<Manifest> {
  const resolved = resolveOptions(options);
  const folder = parseFolder(directory, "the folder of writeDataset");
  await requireUnfinished(folder);
  const { signal = new AbortController().signal } = options;
  const refusal = (holder: LockHolder) => underWay(folder, holder);
  return await withLock(join(folder, lockName), () => writeIn(folder, resolved), refusal, { signal });
}

function underWay(folder: string, { host, pid }: LockHolder): Cifar5mError {
  return new Cifar5mError(
    "dataset/under-way",
    `only one writeDataset at a time may write in ${folder}, and process ${pid} on ${host} does. ` +
      "Let one process write the data set, or name another folder.",
  );
}

type ResolvedOptions = ReturnType<typeof resolveOptions>;

async function writeIn(folder: string, options: ResolvedOptions): Promise<Manifest> {
  const { classNames, train, test, name, config, rowsPerShard, signal } = options;
  const configHash = hashConfig(config);
  await beginIn(folder);
  const write = (split: SplitName, source: RowSource, firstId: number) => {
    const rows = new SplitRows(source, split, classNames.length, signal);
    return writeSplit(rows, { folder, split, classNames, rowsPerShard, firstId });
  };
  const trainEntry = await write("train", train, 0);
  const splits = { train: trainEntry, test: await write("test", test, trainEntry.rows) };
  await removeUnlistedShards(folder, splits);
  const { manifest } = await writeManifest(folder, {
    name,
    classNames: [...classNames],
    imageShape: [32, 32, 3],
    splits,
    configHash,
    config: JSON.parse(canonicalJson(config)),
    models: {},
    removals: {},
    createdBy: programVersion,
  });
  await removeFile(join(folder, markName));
  return manifest;
}

/** Fills in defaults, and refuses, before any row is written, what no manifest may hold. */
function resolveOptions(options: WriteDatasetOptions) {
  requireKeys("writeDataset's options", options, optionKeys);
  const { classNames, train, test = [], name = "dataset", config = {}, rowsPerShard = defaultRowsPerShard } = options;
  if (!Number.isSafeInteger(rowsPerShard) || rowsPerShard < 1 || rowsPerShard > maxRowsPerShard) {
    throw outOfRange("rowsPerShard", `an integer from 1 to ${maxRowsPerShard}`, rowsPerShard);
  }
  if (!Array.isArray(classNames) || classNames.length < 2 || classNames.length > 256) {
    throw outOfRange("classNames", "2 to 256 names", classNames?.length);
  }
  requireNames(name, classNames);
  return {
    classNames: classNames as readonly string[],
    train,
    test,
    name,
    config,
    rowsPerShard,
    signal: options.signal,
  };
}

/**
 * Writes the shards of a split.
 * @param options.firstId - id of the first row; the others follow
 */
async function writeSplit(
  rows: SplitRows,
  options: {
    readonly folder: string;
    readonly split: SplitName;
    readonly classNames: readonly string[];
    readonly rowsPerShard: number;
    readonly firstId: number;
  },
): Promise<SplitEntry> {
  const { folder, split, classNames, rowsPerShard, firstId } = options;
  const shards: ShardEntry[] = [];
  let nextId = firstId;
  try {
    while (await rows.hasMore()) {
      const file = `${split}/part-${nameOfPart(shards.length)}.arrow`;
      const idStart = nextId;
      const { bytes, sha256 } = await replaceFile(join(folder, file), async (sink) => {
        nextId = idStart + (await writeShard(sink, rows.take(rowsPerShard, idStart), classNames));
      });
      shards.push({ file, rows: nextId - idStart, bytes, sha256, idStart, idEnd: nextId });
    }
  } finally {
    await rows.close();
  }
  return describeSplit(shards, rows.classCounts);
}

/** Refuses names that are empty or no text, and two classes of one name. */
function requireNames(name: unknown, classNames: readonly unknown[]): void {
  const isName = (value: unknown) => typeof value === "string" && value !== "";
  if (!isName(name)) throw outOfRange("name", "a string that is not empty", name);
  for (const [label, className] of classNames.entries()) {
    if (!isName(className)) throw outOfRange(`classNames[${label}]`, "a string that is not empty", className);
    if (classNames.indexOf(className) < label) throw outOfRange(`classNames[${label}]`, "a name of its own", className);
  }
}

/** Refuses a finished data set, which a paper may name. */
async function requireUnfinished(folder: string): Promise<void> {
  if ((await readManifestIfAny(folder)) === undefined) return;
  // A call that was killed after it wrote the manifest left its mark.
  const mark = join(folder, markName);
  if (await fileExists(mark)) await removeFile(mark);
  throw new Cifar5mError(
    "dataset/exists",
    `${folder} must hold no finished data set, it has a ${manifestName}. Name another folder, or delete this one.`,
  );
}

/** Marks the folder as one to write in. Refuses a finished data set, and files of others. */
async function beginIn(folder: string): Promise<void> {
  // Another call may have finished it since the lock was free.
  await requireUnfinished(folder);
  const mark = join(folder, markName);
  const isOurs = await fileExists(mark);
  for (const split of splitNames) {
    const inner = join(folder, split);
    await removeStaleTemporaries(inner);
    const [name] = await listFolder(inner);
    if (isOurs || name === undefined) continue;
    throw new Cifar5mError(
      "dataset/not-empty",
      `${inner} must be empty or not exist, since no interrupted writeDataset left it; it has ${name}. Name another folder, or delete it.`,
    );
  }
  await replaceBytes(mark, "writeDataset writes here, and deletes this file at its end.\n");
}

/** Removes shards that an interrupted call left, which may have had more of them: some readers take all files they see. */
async function removeUnlistedShards(folder: string, splits: Manifest["splits"]): Promise<void> {
  for (const split of splitNames) {
    const listed = new Set(splits[split].shards.map(({ file }) => file));
    for (const name of await listFolder(join(folder, split))) {
      const file = `${split}/${name}`;
      if (/^part-.*\.arrow$/.test(name) && !listed.has(file)) await removeFile(join(folder, file));
    }
  }
}

function outOfRange(key: string, rule: string, value: unknown): Cifar5mError {
  return new Cifar5mError("dataset/out-of-range", `${key} must be ${rule}, got ${String(value)}. Correct it.`);
}
