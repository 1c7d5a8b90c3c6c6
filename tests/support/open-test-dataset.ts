import { type Batch, type Dataset, type Loader, openDataset } from "../../shards/index.ts";
import type { ImageArray } from "../../shards/rows/samples.ts";
import { hashValues, makeDataset, makeTestFolder } from "./make-rows.ts";

/** A small data set in a folder that is removed after the test. */
export async function openTestDataset(
  options: { train?: number; test?: number; rowsPerShard?: number; memoryBytes?: number } = {},
): Promise<Dataset> {
  const folder = await makeTestFolder();
  await makeDataset(folder, { train: 100, test: 20, rowsPerShard: 30, ...options });
  return await openDataset(folder, { memoryBytes: options.memoryBytes ?? 2 ** 28 });
}

/** The batches of a loader, at most the given number. */
export async function collectBatches<Images extends ImageArray>(
  loader: Loader<Images>,
  limit = Number.POSITIVE_INFINITY,
): Promise<Batch<Images>[]> {
  const batches: Batch<Images>[] = [];
  if (limit === 0) return batches;
  for await (const batch of loader) {
    batches.push(batch);
    if (batches.length >= limit) break;
  }
  return batches;
}

export const idsOf = (batches: readonly { readonly ids: Float64Array }[]) => batches.flatMap((batch) => [...batch.ids]);

/** Everything a batch holds, as text. */
export function hashBatch({ epoch, step, mixup, ...arrays }: Batch<ImageArray>): string {
  const values = Object.entries({
    ...arrays,
    ...(mixup ? { mixLabels: mixup.labels, mixWeights: mixup.weights } : {}),
  });
  return [epoch, step, ...values.map(([name, array]) => `${name} ${hashValues(array)}`).sort()].join();
}
