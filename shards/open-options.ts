import type { SplitName } from "./format/manifest.ts";
import type { StoreOptions } from "./remote/open-store.ts";
import type { CacheOptions } from "./remote/shard-cache.ts";
import type { TransferOptions } from "./remote/transfer-options.ts";

/** How a data set is opened; all but the first two are for remote ones. */
export interface OpenOptions extends StoreOptions {
  /** Default `train`. */
  readonly split?: SplitName;
  /**
   * Bytes of images held in memory: those of the split if they all fit, else those of each finite subset that fits;
   * default 256 MiB. Besides, 9 bytes a row are held of every shard that was touched.
   */
  readonly memoryBytes?: number;
  /** Where fetched shards are kept, and how many bytes of them. */
  readonly cache?: CacheOptions;
  /** How many requests at once, how many tries, how long. */
  readonly transfer?: TransferOptions;
  /** Ends all requests; what waits for one then throws the signal's reason. */
  readonly signal?: AbortSignal;
}

/** The keys of `OpenOptions`. */
export const openOptionKeys: readonly (keyof OpenOptions)[] = [
  ...(["split", "memoryBytes", "cache", "transfer", "signal", "headers", "s3"] as const),
];
