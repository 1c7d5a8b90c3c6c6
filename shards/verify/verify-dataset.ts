import { Cifar5mError } from "../../core/errors.ts";
import { toByteSource } from "../arrow/byte-source.ts";
import { readTableFrom } from "../arrow/read-table.ts";
import { type Manifest, manifestName, type ShardEntry, splitNames } from "../format/manifest.ts";
import { shardColumnsOf } from "../format/shard-schema.ts";
import { openForVerification, type VerifiedDataset } from "./open-for-verification.ts";
import { chooseShards, type VerifyMode } from "./verify-mode.ts";
import { checkShardReceipt } from "./verify-receipt.ts";
import { type CheckedShard, checkShard, checkShardSize, type DatasetProblem, toProblem } from "./verify-shard.ts";

/** The findings of `verifyDataset`. */
export interface DatasetReport {
  readonly problems: readonly DatasetProblem[];
  /** Undefined if the manifest could not be read. */
  readonly manifest: Manifest | undefined;
  readonly numShards: number;
  /** Rows that were read. */
  readonly rows: number;
  readonly bytes: number;
}

/** What `verifyDataset` checks. */
export interface VerifyOptions {
  /** Default `full`. */
  readonly mode?: VerifyMode;
  /**
   * The path of a shard's receipt. All modes read every receipt and compare it with the manifest. Without this function
   * no receipts are read: a downloaded data set has none.
   */
  readonly receiptOf?: (entry: ShardEntry) => string;
  /** The part of the work that one of several processes does; by default all of it. See `verifyDataset`. */
  readonly share?: VerifyShare;
  /** Whether a shard that the manifest does not list is one that a run is about to add. */
  readonly isPlanned?: (file: string) => boolean;
  /**
   * Ends the work before the next shard, and aborts requests to a server. `verifyDataset` then throws the signal's
   * reason.
   */
  readonly signal?: AbortSignal;
  /** Called after each shard. */
  readonly onProgress?: (progress: { readonly file: string; readonly done: number; readonly total: number }) => void;
}

/** A part of the shards: those whose index over both splits is `rank` modulo `worldSize`. */
export interface VerifyShare {
  readonly rank: number;
  readonly worldSize: number;
}

/**
 * Checks a data set against its own description: the manifest; receipts; existence and size of the shards; sha256,
 * columns, ids (in range, rising, unique over both splits), labels and confidences of the shards that the mode reads;
 * class counts of a split that is read whole. It continues after a problem. From a server, every shard that the mode
 * reads is fetched past any cache, and nothing is requested for the others.
 *
 * It needs the memory of one shard. Several processes may each check a share: then nobody counts the classes of a whole
 * split, the first one alone looks for unlisted shards, and the manifest says what ids the shards of the others have.
 * @param location - the folder that holds manifest.json, or its URL: as of `openDataset`
 * @returns every problem found; an empty list means that the data set is whole, as far as the mode can tell
 * @throws Cifar5mError `verify/out-of-range`; the signal's reason; nothing for a damaged dataset
 */
export async function verifyDataset(location: string, options: VerifyOptions = {}): Promise<DatasetReport> {
  let dataset: VerifiedDataset;
  try {
    dataset = await openForVerification(location, options.signal);
  } catch (thrown) {
    options.signal?.throwIfAborted();
    return { problems: [toProblem(thrown, manifestName)], manifest: undefined, numShards: 0, rows: 0, bytes: 0 };
  }
  try {
    return await verifyOpened(dataset, location, options);
  } finally {
    await dataset.close();
  }
}

async function verifyOpened(
  dataset: VerifiedDataset,
  location: string,
  options: VerifyOptions,
): Promise<DatasetReport> {
  const { manifest } = dataset;
  const problems: DatasetProblem[] = [];
  const total = splitNames.reduce((sum, split) => sum + manifest.splits[split].shards.length, 0);
  const isRead = chooseShards(total, options.mode ?? "full");
  const { rank, worldSize } = options.share ?? { rank: 0, worldSize: 1 };
  const ranges: IdRange[] = [];
  let [rows, bytes, done] = [0, 0, 0];
  for (const split of splitNames) {
    const classCounts = manifest.classNames.map(() => 0);
    let isWhole = true;
    for (const entry of manifest.splits[split].shards) {
      options.signal?.throwIfAborted();
      const isOurs = done % worldSize === rank;
      if (!isOurs) {
        if (isRead(done)) ranges.push({ entry, first: entry.idStart, last: entry.idEnd - 1, isOurs });
        done++;
        continue;
      }
      try {
        const checked = await checkEntry(dataset, entry, isRead(done));
        problems.push(...checked.problems);
        for (const label of checked.labels) if (classCounts[label] !== undefined) classCounts[label]++;
        const [first, last] = [checked.ids[0], checked.ids.at(-1)];
        if (first !== undefined && last !== undefined) ranges.push({ entry, first, last, isOurs });
        isWhole &&= isRead(done) && checked.problems.length === 0;
        rows += checked.ids.length;
        bytes += isRead(done) ? entry.bytes : 0;
      } catch (thrown) {
        options.signal?.throwIfAborted();
        isWhole = false;
        problems.push(toProblem(thrown, entry.file));
      }
      const path = options.receiptOf?.(entry);
      if (path !== undefined)
        problems.push(...(await checkShardReceipt({ path, directory: location, entry, manifest })));
      done++;
      options.onProgress?.({ file: entry.file, done, total });
    }
    const listed = manifest.splits[split].classCounts;
    if (isWhole && worldSize === 1 && classCounts.join() !== listed.join()) {
      const message = `${split} has ${classCounts.join(", ")} images by class, ${manifestName} says ${listed.join(", ")}. Publish again.`;
      problems.push({ file: manifestName, code: "manifest/class-counts", message });
    }
  }
  // There may be one for each of a million files, more than a call takes arguments.
  for (const problem of await findSharedIds(dataset, ranges)) problems.push(problem);
  if (rank === 0) for (const problem of await findUnlisted(dataset, options.isPlanned)) problems.push(problem);
  return { problems, manifest, numShards: total, rows, bytes };
}

async function checkEntry(dataset: VerifiedDataset, entry: ShardEntry, isRead: boolean): Promise<CheckedShard> {
  const path = dataset.pathOf(entry.file);
  if (isRead) return checkShard(await dataset.read(entry), entry, path, dataset.manifest.classNames.length);
  const bytes = await dataset.sizeOf(entry);
  const problems = bytes === undefined ? [] : checkShardSize(bytes, entry, path);
  return { problems, ids: new Float64Array(0), labels: new Float64Array(0) };
}

/** The ids of a shard lie in [first, last]. */
interface IdRange {
  readonly entry: ShardEntry;
  readonly first: number;
  readonly last: number;
  /** Whether the shard is in the share of this process. */
  readonly isOurs: boolean;
}

/**
 * Ids that two shards share. Ids rise within a shard, so only shards with overlapping ranges are compared. A sound data
 * set has none, so their ids are read a second time instead of being kept.
 */
async function findSharedIds(dataset: VerifiedDataset, ranges: readonly IdRange[]): Promise<DatasetProblem[]> {
  const problems: DatasetProblem[] = [];
  const sorted = [...ranges].sort((a, b) => a.first - b.first);
  for (const [index, first] of sorted.entries()) {
    for (let other = index + 1; other < sorted.length && sorted[other]!.first <= first.last; other++) {
      const second = sorted[other]!;
      if (!first.isOurs && !second.isOurs) continue;
      const known = new Set(await readIds(dataset, first.entry));
      const shared = (await readIds(dataset, second.entry)).find((id) => known.has(id));
      if (shared === undefined) continue;
      const { file } = second.entry;
      const message = `${file} must share no id with ${first.entry.file}, both hold ${shared}. Publish again.`;
      problems.push({ file, code: "dataset/id-twice", message });
    }
  }
  return problems;
}

/** The ids of a shard; none if it cannot be read, which is a problem of its own. */
async function readIds(dataset: VerifiedDataset, entry: ShardEntry): Promise<Float64Array> {
  const { pathOf, manifest } = dataset;
  try {
    const data = toByteSource(await dataset.read(entry), pathOf(entry.file));
    return readTableFrom(data, shardColumnsOf(manifest.classNames.length)).columns.id;
  } catch (thrown) {
    if (thrown instanceof Cifar5mError) return new Float64Array(0);
    throw thrown;
  }
}

async function findUnlisted(
  dataset: VerifiedDataset,
  isPlanned: (file: string) => boolean = () => false,
): Promise<DatasetProblem[]> {
  const problems: DatasetProblem[] = [];
  for (const split of splitNames) {
    const listed = new Set(dataset.manifest.splits[split].shards.map((shard) => shard.file));
    for (const name of (await dataset.list(split)).sort()) {
      const file = `${split}/${name}`;
      if (!name.endsWith(".arrow") || listed.has(file) || isPlanned(file)) continue;
      const message = `${dataset.pathOf(file)} is not listed in the manifest, but readers that take all files would read it. Delete it.`;
      problems.push({ file, code: "dataset/unlisted-shard", message });
    }
  }
  return problems;
}
