import pLimit from "p-limit";

export interface Batching {
  readonly numItems: number;
  readonly batchSize: number;
  /** Batches in progress at the same time. */
  readonly concurrency: number;
}

/**
 * Splits the indices [0, numItems) into batches and works on several batches at once.
 * @param work - gets the first index of a batch and one past its last; the last batch may be short
 */
export async function forEachBatch(
  { numItems, batchSize, concurrency }: Batching,
  work: (start: number, end: number) => Promise<void>,
): Promise<void> {
  const starts = Array.from({ length: Math.ceil(numItems / batchSize) }, (_, batch) => batch * batchSize);
  await pLimit(concurrency).map(starts, (start) => work(start, Math.min(start + batchSize, numItems)));
}
