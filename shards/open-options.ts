import type { SplitName } from "./format/manifest.ts";
import type { StoreOptions } from "./remote/open-store.ts";
import type { CacheOptions } from "./remote/shard-cache.ts";
import type { TransferOptions } from "./remote/transfer-options.ts";

/** How to open a data set. All options but the first two apply to remote data sets. */
export interface OpenOptions extends StoreOptions {
  /** Default `train`. */
  readonly split?: SplitName;
  /**
   * Bytes of images held in memory: those of the whole split if they fit, otherwise those of each finite subset or of a
   * window of each blocked shuffle that fits; default 256 MiB. In addition, every shard of which
   * rows were served takes 9 bytes a row, and 4 more for each of the columns class and confidence that was asked for.
   */
  readonly memoryBytes?: number;
  /** Where fetched shards are kept, and the size limit of that folder. */
  readonly cache?: CacheOptions;
  /** How many requests run at once, how often a request is tried, and how long. */
  readonly transfer?: TransferOptions;
  /** Aborts all requests. Every call that waits for one then throws the signal's reason. */
  readonly signal?: AbortSignal;
}

/** The keys of `OpenOptions`. */
export const openOptionKeys: readonly (keyof OpenOptions)[] = [
  "split",
  "memoryBytes",
  "cache",
  "transfer",
  "signal",
  "headers",
  "s3",
];
