import type { ShardEntry } from "../format/manifest.ts";
import type { OpenOptions } from "../open-options.ts";
import type { RowNumbers } from "../rows/row-numbers.ts";
import type { RowStore } from "../rows/row-store.ts";
import type { StartWorkers } from "./batch-supply.ts";

/** What a loader serves. */
export interface Pool {
  readonly store: RowStore;
  /** Rows of the store to serve; undefined for all of them. */
  readonly rows: RowNumbers | undefined;
  /** Identifies the data, in loader states. */
  readonly fingerprint: string;
  /** What there was to serve before the set grew, oldest first. */
  readonly earlier: readonly EarlierPool[];
  readonly numClasses: number;
  /** Shards of the split, as workers are to read them. */
  readonly entries: readonly ShardEntry[];
  /** How workers open the shards. */
  readonly reopen: OpenOptions;
  /** Ends all requests, those of workers too. */
  readonly signal: AbortSignal | undefined;
  /** Undefined where the platform has no workers that can read. Batches are then made when they are requested. */
  readonly startWorkers: StartWorkers | undefined;
  /** An id that is larger than all ids that the data set has or will have, over all splits. */
  readonly idEnd: number;
}

/** What a pool was at an earlier size of its set. */
export interface EarlierPool {
  readonly fingerprint: string;
  readonly numRows: number;
}

/** Number of rows at each earlier size, oldest first. */
export function earlierRowsOf({ earlier }: Pool): number[] {
  return earlier.map(({ numRows }) => numRows);
}
