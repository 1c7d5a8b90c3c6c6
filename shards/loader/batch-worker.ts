/** What each thread of `BatchWorkers` runs. */

import { workerData } from "node:worker_threads";
import { move, transferableSymbol, valueSymbol } from "piscina";
import { Cifar5mError } from "../../core/errors.ts";
import { openShardSource } from "../open-shard-source.ts";
import { createSampleOrder } from "../order/create-sample-order.ts";
import { shareFilesWith } from "../rows/open-files.ts";
import { countRows } from "../rows/row-numbers.ts";
import { RowStore } from "../rows/row-store.ts";
import { BatchMaker } from "./batch-maker.ts";
import type { BatchJob } from "./batch-supply.ts";
import { type BatchAnswer, type BatchRequest, buffersOf } from "./batch-workers.ts";
import { StretchCache } from "./stretch-cache.ts";

const { location, reopen, entries, rows, earlierRows, numClasses, numStretches, options, ended }: BatchJob = workerData;
const ending = new AbortController();
void whenOne(ended).then(() => ending.abort(new Error("nobody waits for the batches any more")));
let opened: Promise<{ readonly maker: BatchMaker; readonly store: RowStore }> | undefined;

export default async function makeBatch({ range, out: given }: BatchRequest): Promise<BatchAnswer> {
  try {
    opened ??= openMaker();
    const { maker, store } = await opened;
    if (store.isRemote) await store.ready(maker.rowsOf(range));
    const out = given ?? maker.allocate();
    const answer: BatchAnswer = { batch: maker.make(range, { out }), out };
    return move({ [transferableSymbol]: buffersOf(out), [valueSymbol]: answer } as never) as never;
  } catch (thrown) {
    if (!(thrown instanceof Cifar5mError)) throw thrown;
    return { error: { code: thrown.code, message: thrown.message } };
  }
}

/** A thread that is busy learns it in its next turn of the event loop. */
async function whenOne(flag: Int32Array): Promise<void> {
  // The compiler's library for ES2023 lacks it; Node has had it since version 16.
  const { waitAsync } = Atomics as unknown as {
    waitAsync(flag: Int32Array, index: number, value: number): { readonly value: string | Promise<string> };
  };
  await waitAsync(flag, 0, 0).value;
}

/** Images are not kept in memory here, except stretches that are served soon: the threads share the system's cache of the files. */
async function openMaker(): Promise<{ readonly maker: BatchMaker; readonly store: RowStore }> {
  shareFilesWith(options.numWorkers);
  const source = await openShardSource(location, { ...reopen, signal: ending.signal });
  const store = new RowStore({ source, entries, numClasses, memoryBytes: 0 });
  store.use();
  const order = createSampleOrder(options, rows === undefined ? store.numRows : countRows(rows), earlierRows);
  const cache = numStretches === undefined ? undefined : new StretchCache(store, numStretches);
  return { maker: new BatchMaker({ store, rows, order, cache }, options, numClasses), store };
}
