import type { ImageArray } from "../rows/samples.ts";
import type { Batch } from "./batch.ts";
import type { ImageFormat } from "./image-format.ts";
import type { LoaderState } from "./loader-state.ts";

/**
 * A position in an order of samples, and the batches from there on. `Dataset.loader` creates it.
 *
 * In the finite regime each loop is one epoch: the first one the epoch that the loader stands in, every further one the
 * next, even if a loop was left early. Where `epochs` is given, and in the infinite regime, the loader is one sequence of
 * batches: a loop serves all that is left, and continues where the last one was left.
 *
 * Iterating throws Cifar5mError `loader/finished` if a loop starts after the last batch, except for the first loop of a
 * loader that was resumed there; `loader/overtaken` in a loop over one epoch after a further loop started;
 * `regime/exhausted` if the infinite regime has no whole batch left; `shard/…`, `table/…`, `disk/…` if a shard cannot be
 * read; `dataset/closed`; the reason of the signal.
 */
export interface Loader<Images extends ImageArray = Uint8Array> extends AsyncIterable<Batch<Images>> {
  /**
   * Number of global batches of a loop that begins at the start: of one epoch, or of all `epochs`; Infinity for endless
   * epochs or a live source.
   */
  readonly numBatches: number;
  /** Layout of the images of its batches. */
  readonly layout: ImageFormat["layout"];
  /** Number of classes of the data set. */
  readonly numClasses: number;
  /** Number of global batches of the pool in an epoch; 0 if a live source fills a batch that is larger than the pool. */
  readonly batchesPerEpoch: number;
  /** The position after the batch that was handed out last. Resuming from it costs O(1). */
  state(): LoaderState;
}
