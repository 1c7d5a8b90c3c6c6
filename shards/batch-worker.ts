/** What each thread of `BatchWorkers` runs. */

import { workerData } from "node:worker_threads";
import { move, transferableSymbol, valueSymbol } from "piscina";
import { BuilderError } from "../core/errors.ts";
import { BatchMaker, type BatchRange } from "./batch-maker.ts";
import type { BatchAnswer, BatchJob } from "./batch-workers.ts";
import { openDataset } from "./open-dataset.ts";
import { createSampleOrder } from "./sample-order.ts";

const { directory, splitName, rows, numClasses, options }: BatchJob = workerData;
let maker: Promise<BatchMaker> | undefined;

export default async function makeBatch(range: BatchRange): Promise<BatchAnswer> {
  try {
    maker ??= openMaker();
    const batch = (await maker).make(range);
    const arrays = Object.values({ ...batch, mixup: undefined, ...batch.mixup }).filter((value) => value !== undefined);
    return move({
      [transferableSymbol]: arrays.map(({ buffer }) => buffer),
      [valueSymbol]: { batch },
    } as never) as never;
  } catch (thrown) {
    if (!(thrown instanceof BuilderError)) throw thrown;
    return { error: { code: thrown.code, message: thrown.message } };
  }
}

/** Images are not kept in memory: the threads share the system's cache of the files. */
async function openMaker(): Promise<BatchMaker> {
  const { store } = await openDataset(directory, { split: splitName, memoryBytes: 0 });
  store.use();
  const order = createSampleOrder(options, rows?.length ?? store.numRows);
  return new BatchMaker({ store, rows, order, cache: undefined }, options, numClasses);
}
