import { type Manifest, manifestName, type ShardEntry, type SplitName, splitNames } from "../format/manifest.ts";
import type { StoreOptions } from "../remote/open-store.ts";
import type { TransferOptions } from "../remote/transfer-options.ts";
import { findSharedIds, type IdRange } from "./find-shared-ids.ts";
import { type ConnectOptions, openForVerification, type VerifiedDataset } from "./open-for-verification.ts";
import { checkFlags } from "./verify-flags.ts";
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
export interface VerifyOptions extends StoreOptions {
  /** Default `full`. */
  readonly mode?: VerifyMode;
  /**
   * The path of a shard's receipt. All modes read every receipt and compare it with the manifest. Without this function
   * no receipts are read: a downloaded data set has none. Nor is one read of a shard of which it returns undefined.
   */
  readonly receiptOf?: (entry: ShardEntry) => string | undefined;
  /** The part of the work that one of several processes does; by default all of it. See `verifyDataset`. */
  readonly share?: VerifyShare;
  /** Whether a shard that the manifest does not list is one that a run has or is about to add. */
  readonly isPlanned?: (file: string) => boolean;
  /**
   * Ends the work before the next shard, and aborts requests to a server. `verifyDataset` then throws the signal's
   * reason.
   */
  readonly signal?: AbortSignal;
  /** How many requests run at once, how often a request is tried, and how long: as of `openDataset`. */
  readonly transfer?: TransferOptions;
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
 * columns, ids (in range, rising, unique over both splits), labels, classes, confidences and class names of the shards
 * that the mode reads; class counts of a split that is read whole; the flags, except in mode `fast`. It continues after a problem. From a server, every shard that the mode
 * reads is fetched past any cache, and nothing is requested for the others.
 *
 * It needs the memory of one shard, or of the table of flags. Several processes may each check a share: then nobody counts the classes of a whole
 * split, the first one alone looks for unlisted shards and at the flags, and the manifest says what ids the shards of the others have.
 * @param location - the folder that holds manifest.json, or its URL: as of `openDataset`
 * @returns every problem found; an empty list means that the data set is whole, as far as the mode can tell
 * @throws Cifar5mError `verify/out-of-range`; the signal's reason; nothing for a damaged dataset
 */
export async function verifyDataset(location: string, options: VerifyOptions = {}): Promise<DatasetReport> {
  let dataset: VerifiedDataset;
  try {
    dataset = await openForVerification(location, connectOptions(options));
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

function connectOptions({ headers, s3, transfer, signal }: VerifyOptions): ConnectOptions {
  return {
    ...(headers === undefined ? {} : { headers }),
    ...(s3 === undefined ? {} : { s3 }),
    ...(transfer === undefined ? {} : { transfer }),
    ...(signal === undefined ? {} : { signal }),
  };
}

/** What the shards that were checked so far have shown. */
interface Findings {
  readonly problems: DatasetProblem[];
  readonly ranges: IdRange[];
  rows: number;
  bytes: number;
}

async function verifyOpened(
  dataset: VerifiedDataset,
  location: string,
  options: VerifyOptions,
): Promise<DatasetReport> {
  const { manifest } = dataset;
  const total = splitNames.reduce((sum, split) => sum + manifest.splits[split].shards.length, 0);
  const isRead = chooseShards(total, options.mode ?? "full");
  const { rank, worldSize } = options.share ?? { rank: 0, worldSize: 1 };
  const found: Findings = { problems: [], ranges: [], rows: 0, bytes: 0 };
  let done = 0;
  for (const split of splitNames) {
    const classCounts = manifest.classNames.map(() => 0);
    let isWhole = worldSize === 1;
    for (const entry of manifest.splits[split].shards) {
      options.signal?.throwIfAborted();
      const index = done++;
      if (index % worldSize !== rank) {
        if (isRead(index)) found.ranges.push({ entry, first: entry.idStart, last: entry.idEnd - 1, isOurs: false });
        continue;
      }
      const isSound = await verifyEntry(
        dataset,
        entry,
        { isRead: isRead(index), signal: options.signal },
        found,
        classCounts,
      );
      isWhole &&= isSound && isRead(index);
      const path = options.receiptOf?.(entry);
      if (path !== undefined) {
        found.problems.push(...(await checkShardReceipt({ path, directory: location, entry, manifest })));
      }
      options.onProgress?.({ file: entry.file, done, total });
    }
    if (isWhole) found.problems.push(...checkClassCounts(split, classCounts, manifest.splits[split].classCounts));
  }
  const { problems, ranges, rows, bytes } = found;
  // There may be one for each of a million files, more than a call takes arguments.
  for (const problem of await findSharedIds(dataset, ranges)) problems.push(problem);
  if (rank === 0 && options.mode !== "fast") {
    for (const problem of await checkFlags(dataset)) problems.push(problem);
    options.signal?.throwIfAborted();
  }
  if (rank === 0) for (const problem of await findUnlisted(dataset, options.isPlanned)) problems.push(problem);
  return { problems, manifest, numShards: total, rows, bytes };
}

/**
 * Checks one shard and adds to the findings, and to the rows by label.
 * @returns whether it has no problem
 */
async function verifyEntry(
  dataset: VerifiedDataset,
  entry: ShardEntry,
  { isRead, signal }: { readonly isRead: boolean; readonly signal: AbortSignal | undefined },
  found: Findings,
  classCounts: number[],
): Promise<boolean> {
  try {
    const { problems, ids, labels } = await checkEntry(dataset, entry, isRead);
    found.problems.push(...problems);
    for (const label of labels) if (classCounts[label] !== undefined) classCounts[label]++;
    const [first, last] = [ids[0], ids.at(-1)];
    if (first !== undefined && last !== undefined) found.ranges.push({ entry, first, last, isOurs: true });
    found.rows += ids.length;
    found.bytes += isRead ? entry.bytes : 0;
    return problems.length === 0;
  } catch (thrown) {
    signal?.throwIfAborted();
    found.problems.push(toProblem(thrown, entry.file));
    return false;
  }
}

function checkClassCounts(split: SplitName, counts: readonly number[], listed: readonly number[]): DatasetProblem[] {
  if (counts.join() === listed.join()) return [];
  const message = `${split} has ${counts.join(", ")} images by class, ${manifestName} says ${listed.join(", ")}. Publish again.`;
  return [{ file: manifestName, code: "manifest/class-counts", message }];
}

async function checkEntry(dataset: VerifiedDataset, entry: ShardEntry, isRead: boolean): Promise<CheckedShard> {
  const path = dataset.pathOf(entry.file);
  if (isRead) return checkShard(await dataset.read(entry), entry, path, dataset.manifest.classNames);
  const bytes = await dataset.sizeOf(entry);
  const problems = bytes === undefined ? [] : checkShardSize(bytes, entry, path);
  return { problems, ids: new Float64Array(0), labels: new Float64Array(0) };
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
      const message = `${dataset.pathOf(file)} is not listed in the manifest, but readers that take all files would read it. Move it out of the folder.`;
      problems.push({ file, code: "dataset/unlisted-shard", message });
    }
  }
  return problems;
}
