import pLimit from "p-limit";
import { Cifar5mError } from "../../core/errors.ts";
import { expectManyListeners } from "../../core/expect-many-listeners.ts";
import { nextTurn } from "../../core/next-turn.ts";
import { untilAborted } from "../../core/until-aborted.ts";
import { createSampleOrder } from "../order/create-sample-order.ts";
import { nameShuffle } from "../order/shuffle.ts";
import { countRows } from "../rows/row-numbers.ts";
import type { ImageArray } from "../rows/samples.ts";
import type { Batch, BatchArrays } from "./batch.ts";
import { BatchMaker, type BatchRange } from "./batch-maker.ts";
import type { BatchSupply } from "./batch-supply.ts";
import { chooseCache } from "./image-cache.ts";
import type { ImageFormat } from "./image-format.ts";
import { LivePool } from "./live-pool.ts";
import type { LiveSource } from "./live-source.ts";
import type { Loader } from "./loader.ts";
import type { AnyLoaderOptions } from "./loader-options.ts";
import { type LoaderState, loaderStateVersion, requireState } from "./loader-state.ts";
import { type Loop, LoopCursor } from "./loop-cursor.ts";
import { earlierRowsOf, type Pool } from "./pool.ts";
import { ReadAhead } from "./read-ahead.ts";
import { type ResolvedOptions, resolveOptions } from "./resolve-options.ts";
import { type Cursor, Schedule } from "./schedule.ts";
import { planStretches } from "./stretch-cache.ts";

/** Number of batches after which timers and signals get a turn. A loop that never waits would starve them. */
const batchesPerTurn = 64;

/** Serves the rows of a pool. */
export class RowLoader implements Loader<ImageArray> {
  readonly #pool: Pool;
  readonly #options: ResolvedOptions;
  readonly #schedule: Schedule;
  /** Stretches of rows that each thread keeps; undefined if rows are read one by one. */
  readonly #numStretches: number | undefined;
  readonly #maker: BatchMaker;
  readonly #live: LiveSource | undefined;
  readonly #signal: AbortSignal | undefined;
  /** Arrays that every batch is written to, if the caller allows reuse. */
  readonly #out: BatchArrays | undefined;
  readonly #position: LoopCursor;
  /** Several loops take turns: a batch that one of them waits for is not served by another. */
  readonly #loops = pLimit(1);

  /** @throws Cifar5mError `loader/…`, `loader-state/…` */
  constructor(pool: Pool, memoryBytes: number, options: AnyLoaderOptions) {
    const { store, rows, numClasses } = pool;
    const poolSize = rows === undefined ? store.numRows : countRows(rows);
    const resolved = resolveOptions(options, poolSize);
    this.#pool = pool;
    this.#options = resolved;
    this.#signal = options.signal;
    for (const signal of [options.signal, store.closed]) if (signal !== undefined) expectManyListeners(signal);
    if (resolved.numWorkers > 0 && pool.startWorkers === undefined) {
      throw new Cifar5mError(
        "loader/no-workers",
        `workers must be 0 where there are no threads that read files, got ${resolved.numWorkers}. Leave it out.`,
      );
    }
    this.#live = options.regime === "infinite" ? options.live : undefined;
    const earlierRows = earlierRowsOf(pool);
    const isWhole = rows === undefined && [poolSize, ...earlierRows].includes(resolved.numSamples);
    this.#numStretches = planStretches(resolved, { poolSize, isWhole, memoryBytes });
    const order = createSampleOrder(resolved, poolSize, earlierRows);
    const cache = chooseCache(store, resolved, { memoryBytes, numStretches: this.#numStretches });
    this.#maker = new BatchMaker({ store, rows, order, cache }, resolved, numClasses);
    if (resolved.reuseArrays && resolved.numWorkers === 0) this.#out = this.#maker.allocate();
    this.#schedule = new Schedule(resolved, this.#live !== undefined);
    this.#position = new LoopCursor(this.#schedule, resolved, this.#startAt(options.state));
  }

  get layout(): ImageFormat["layout"] {
    return this.#options.format.layout;
  }

  get numClasses(): number {
    return this.#pool.numClasses;
  }

  get numBatches(): number {
    return this.#schedule.numBatches;
  }

  get batchesPerEpoch(): number {
    return this.#schedule.batchesPerEpoch;
  }

  state(): LoaderState {
    return {
      version: loaderStateVersion,
      dataset: this.#pool.fingerprint,
      ...this.#identity(),
      ...this.#position.cursor,
    };
  }

  [Symbol.asyncIterator](): AsyncGenerator<Batch<ImageArray>, void, undefined> {
    const left = new AbortController();
    const batches = this.#serve(left.signal);
    const end = batches.return.bind(batches);
    // A generator that waits would only end after its wait, and the batch may never come.
    batches.return = (value) => {
      left.abort(new Error("the loop was left"));
      return end(value);
    };
    return batches;
  }

  async *#serve(left: AbortSignal): AsyncGenerator<Batch<ImageArray>, void, undefined> {
    const loop = this.#position.start();
    const release = this.#pool.store.use();
    const readAhead = this.#pool.store.isRemote ? this.#startReadAhead() : undefined;
    const workers = this.#options.numWorkers === 0 ? undefined : this.#startWorkers(readAhead);
    const { closed } = this.#pool.store;
    // Nobody may ever ask for the next batch, as tfjs does not end its loops.
    const onClosed = () => void workers?.close();
    closed.addEventListener("abort", onClosed);
    try {
      for (let count = 0; ; count++) {
        // Before the position moves on: during this turn, others may ask for the state.
        if (count > 0 && count % batchesPerTurn === 0) await nextTurn();
        const batch = await this.#loops(() => this.#take(loop, left, workers, readAhead));
        if (batch === undefined) return;
        yield batch;
      }
    } catch (thrown) {
      if (!left.aborted || thrown !== left.reason) throw thrown;
    } finally {
      closed.removeEventListener("abort", onClosed);
      release();
      await workers?.close();
    }
  }

  /** The next batch of a loop, undefined at its end. The position moves on when the batch is there. */
  async #take(
    loop: Loop,
    left: AbortSignal,
    workers: BatchSupply | undefined,
    readAhead: ReadAhead | undefined,
  ): Promise<Batch<ImageArray> | undefined> {
    this.#pool.store.closed.throwIfAborted();
    this.#signal?.throwIfAborted();
    left.throwIfAborted();
    const range = this.#position.next(loop);
    if (range === undefined) return undefined;
    if (readAhead !== undefined && workers === undefined) await this.#wait(readAhead.ready(range), left);
    const arrays = this.#schedule.reachesBeyondThePool(range)
      ? await this.#makeLive(range, left)
      : workers === undefined
        ? this.#maker.make(range, { out: this.#out })
        : await this.#wait(workers.take(range), left);
    this.#position.advance(loop, range);
    return { ...arrays, epoch: range.epoch, step: this.#schedule.stepOf(range) };
  }

  /** Waits for data, as long as the loop may go on. @param left - aborted when the loop is left */
  #wait<Value>(promise: Promise<Value>, left: AbortSignal): Promise<Value> {
    return untilAborted(promise, [this.#signal, this.#pool.store.closed, left]);
  }

  #startAt(state: unknown): Cursor {
    if (state === undefined) return { epoch: 0, position: 0 };
    const { fingerprint, earlier } = this.#pool;
    const options = { ...this.#identity(), isLive: this.#live !== undefined, earlier };
    const { epoch, position } = requireState(state, fingerprint, options);
    // With larger batches than before, the rest of the epoch may be too short for one.
    return this.#schedule.normalize({ epoch, position });
  }

  #identity() {
    const { regime, seed, numSamples, shuffle } = this.#options;
    return { regime, seed, numSamples, shuffle: nameShuffle(shuffle) };
  }

  #startWorkers(readAhead: ReadAhead | undefined): BatchSupply | undefined {
    const { store, entries, reopen, rows, numClasses, signal, startWorkers } = this.#pool;
    const earlierRows = earlierRowsOf(this.#pool);
    const numStretches = this.#numStretches;
    const schedule = this.#schedule;
    return startWorkers?.({
      job: { reopen, entries, rows, earlierRows, numClasses, numStretches, options: this.#options },
      nextRange: (range) => {
        const next = schedule.following(range);
        return next === undefined || schedule.reachesBeyondThePool(next) ? undefined : next;
      },
      ready: readAhead === undefined ? undefined : (range) => readAhead.ready(range),
      signal: store.isRemote ? signal : undefined,
    });
  }

  #startReadAhead(): ReadAhead {
    return new ReadAhead({
      store: this.#pool.store,
      rowsOf: (range) => this.#maker.rowsOf(range),
      // The threads have no images in memory, even if this one has.
      withColumns: this.#withColumns || this.#options.numWorkers > 0,
      nextRange: (range) => this.#schedule.following(range),
    });
  }

  async #makeLive(range: BatchRange, left: AbortSignal): Promise<BatchArrays> {
    const options = {
      poolSize: this.#options.numSamples,
      firstId: this.#pool.idEnd,
      numClasses: this.#pool.numClasses,
    };
    const live = await this.#wait(LivePool.make(this.#live!, this.#maker.positionsOf(range), options), left);
    // While the live source worked, other readers may have closed files.
    const { store } = this.#pool;
    if (store.isRemote) await this.#wait(store.ready(this.#maker.rowsOf(range), this.#withColumns), left);
    return this.#maker.make(range, { live, out: this.#out });
  }

  get #withColumns(): boolean {
    return this.#options.columns.length > 0;
  }
}
