import type { ImageArray } from "../rows/samples.ts";
import type { Batch } from "./batch.ts";
import type { LoaderState } from "./loader-state.ts";

/**
 * A position in an order of samples, and the batches from there on. It is a single cursor: a loop that ended early and
 * is started again continues at the same position. `Dataset.loader` creates it.
 *
 * Iterating throws Cifar5mError `loader/finished` if a loop starts after the last batch, except for the first loop of a
 * loader that was resumed there; `regime/exhausted` if the infinite regime has no whole batch left; `shard/…`,
 * `table/…`, `disk/…` if a shard cannot be read; `dataset/closed`; the reason of the signal.
 */
export interface Loader<Images extends ImageArray = Uint8Array> extends AsyncIterable<Batch<Images>> {
  /** Number of global batches from start to end; Infinity for endless epochs or a live source. */
  readonly numBatches: number;
  /** Number of global batches of the pool in an epoch; 0 if a live source fills a batch that is larger than the pool. */
  readonly batchesPerEpoch: number;
  /** The position after the batch that was handed out last. Resuming from it costs O(1). */
  state(): LoaderState;
}
