/** What each thread of `BatchWorkers` runs. */

import { workerData } from "node:worker_threads";
import { move, transferableSymbol, valueSymbol } from "piscina";
import { BuilderError } from "../core/errors.ts";
import { BatchMaker } from "./batch-maker.ts";
import { type BatchAnswer, type BatchJob, type BatchRequest, buffersOf } from "./batch-workers.ts";
import { createSampleOrder } from "./create-sample-order.ts";
import { openDataset } from "./open-dataset.ts";

const { directory, splitName, rows, numClasses, options }: BatchJob = workerData;
let maker: Promise<BatchMaker> | undefined;

export default async function makeBatch({ range, room: given }: BatchRequest): Promise<BatchAnswer> {
  try {
    maker ??= openMaker();
    const opened = await maker;
    const room = given ?? opened.room();
    const answer: BatchAnswer = { batch: opened.make(range, { room }), room };
    return move({ [transferableSymbol]: buffersOf(room), [valueSymbol]: answer } as never) as never;
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
