import pLimit from "p-limit";

/**
 * Does the batches of a range, as many at once as asked for.
 * @param work - gets the range of a batch, end excluded; the last may be short
 */
export async function forEachBatch(
  { numItems, batchSize, concurrency }: Readonly<Record<"numItems" | "batchSize" | "concurrency", number>>,
  work: (start: number, end: number) => Promise<void>,
): Promise<void> {
  const starts = Array.from({ length: Math.ceil(numItems / batchSize) }, (_, batch) => batch * batchSize);
  await pLimit(concurrency).map(starts, (start) => work(start, Math.min(start + batchSize, numItems)));
}
