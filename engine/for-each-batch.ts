import pLimit from "p-limit";

export interface Batching {
  readonly numItems: number;
  readonly batchSize: number;
  /** Batches in progress at the same time. */
  readonly concurrency: number;
}

/**
 * Splits the indices [0, numItems) into batches and works on several batches at once. After an error no batch is begun.
 * When the call ends, no batch is in progress, so that what they use may be closed.
 * @param work - gets the first index of a batch and one past its last; the last batch may be short
 */
export async function forEachBatch(
  { numItems, batchSize, concurrency }: Batching,
  work: (start: number, end: number) => Promise<void>,
): Promise<void> {
  const starts = Array.from({ length: Math.ceil(numItems / batchSize) }, (_, batch) => batch * batchSize);
  let failure: { readonly thrown: unknown } | undefined;
  await pLimit(concurrency).map(starts, async (start) => {
    if (failure !== undefined) return;
    try {
      await work(start, Math.min(start + batchSize, numItems));
    } catch (thrown) {
      failure ??= { thrown };
    }
  });
  if (failure !== undefined) throw failure.thrown;
}
