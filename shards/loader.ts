import { setImmediate } from "node:timers/promises";
import { BuilderError } from "../core/errors.ts";
import { createFiniteOrder } from "./finite-order.ts";
import { createInfiniteOrder } from "./infinite-order.ts";
import { type LoaderOptions, type ResolvedOptions, resolveOptions } from "./loader-options.ts";
import { type LoaderState, loaderStateVersion, requireState } from "./loader-state.ts";
import { imageBytesOf } from "./open-shard.ts";
import { ReadAhead } from "./read-ahead.ts";
import type { RowStore } from "./row-store.ts";
import type { SampleOrder } from "./sample-order.ts";
import { allocateSamples, type Batch, firstSamples, type Samples } from "./samples.ts";
import { SubsetCache } from "./subset-cache.ts";

/** Batches between two turns given to timers and signals, which a loop that never waits would starve. */
const batchesPerTurn = 64;

/**
 * A position in an order of samples, and the batches from there on. It is one cursor: a loop that was left early and
 * started again goes on where it was. Made by `Dataset.loader`.
 *
 * Iterating throws BuilderError `regime/exhausted` when the infinite regime has no whole batch left; `shard/…`,
 * `table/…`, `disk/…` when a shard cannot be read; `dataset/closed`.
 */
export interface Loader extends AsyncIterable<Batch> {
  /** Global batches from the start to the end; Infinity for endless epochs. */
  readonly numBatches: number;
  readonly batchesPerEpoch: number;
  /** Where the loader stands: after the batch that was handed out last. Resuming from it costs O(1). */
  state(): LoaderState;
}

/** Serves the rows of a store. */
export class RowLoader implements Loader {
  readonly numBatches: number;
  readonly batchesPerEpoch: number;
  readonly #options: ResolvedOptions;
  readonly #dataset: string;
  readonly #store: RowStore;
  readonly #order: SampleOrder;
  readonly #cache: SubsetCache | undefined;
  readonly #reused: Samples | undefined;
  #epoch = 0;
  #position = 0;

  /** @throws BuilderError `loader/…`, `loader-state/…` */
  constructor(store: RowStore, dataset: string, memoryBytes: number, options: LoaderOptions) {
    const resolved = resolveOptions(options, store.numRows);
    const { regime, numSamples, batchSize, dropLast, epochs, seed, shuffle } = resolved;
    const poolSize = store.numRows;
    this.#options = resolved;
    this.#dataset = dataset;
    this.#store = store;
    this.#order =
      regime === "finite"
        ? createFiniteOrder({ poolSize, numSamples, seed, shuffle })
        : createInfiniteOrder({ poolSize, seed });
    this.batchesPerEpoch = dropLast ? Math.floor(numSamples / batchSize) : Math.ceil(numSamples / batchSize);
    this.numBatches = this.batchesPerEpoch * epochs;
    const isReused = regime === "finite" && epochs > 1 && !store.isResident;
    if (isReused && imageBytesOf(numSamples) <= memoryBytes) this.#cache = new SubsetCache(store, this.#order);
    if (options.reuseArrays === true) this.#reused = allocateSamples(Math.ceil(batchSize / resolved.worldSize));
    if (options.state === undefined) return;
    const state = requireState(options.state, dataset, resolved);
    this.#epoch = state.epoch;
    this.#position = state.position;
  }

  state(): LoaderState {
    const { regime, seed, numSamples, shuffle } = this.#options;
    const { epoch, position } = this.#next();
    return { version: loaderStateVersion, dataset: this.#dataset, regime, seed, numSamples, shuffle, epoch, position };
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Batch, void, undefined> {
    const release = this.#store.use();
    const readAhead = this.#store.isRemote ? this.#makeReadAhead() : undefined;
    try {
      for (let count = 1; ; count++) {
        const { epoch, position } = this.#next();
        const { batchSize, numSamples, epochs, regime } = this.#options;
        if (regime === "infinite") this.#requireFresh(position);
        if (epoch >= epochs) return;
        for (let wait = readAhead?.prepare(epoch, position); wait; wait = readAhead?.prepare(epoch, position))
          await wait;
        const batch = this.#gather(epoch, position, Math.min(position + batchSize, numSamples));
        this.#epoch = epoch;
        this.#position = Math.min(position + batchSize, numSamples);
        if (count % batchesPerTurn === 0) await setImmediate();
        yield batch;
      }
    } finally {
      release();
    }
  }

  /** The cursor, moved to the next epoch where this one has no batch left. */
  #next(): { readonly epoch: number; readonly position: number } {
    const { regime, batchSize, numSamples, dropLast } = this.#options;
    const left = numSamples - this.#position;
    if (regime === "infinite" || left >= (dropLast ? batchSize : 1))
      return { epoch: this.#epoch, position: this.#position };
    return { epoch: this.#epoch + 1, position: 0 };
  }

  #gather(epoch: number, start: number, end: number): Batch {
    const { rank, worldSize, batchSize } = this.#options;
    const numRows = Math.max(0, Math.ceil((end - start - rank) / worldSize));
    const samples = this.#reused === undefined ? allocateSamples(numRows) : firstSamples(this.#reused, numRows);
    for (let index = 0; index < numRows; index++) {
      const slot = this.#order.slotAt(epoch, start + rank + index * worldSize);
      const row = this.#order.rowAt(slot);
      if (this.#cache === undefined) {
        this.#store.readRow(row, index, samples);
        continue;
      }
      this.#store.readFacts(row, index, samples);
      this.#cache.readImage(slot, index, samples.images);
    }
    return { ...samples, epoch, step: epoch * this.batchesPerEpoch + Math.floor(start / batchSize) };
  }

  #makeReadAhead(): ReadAhead {
    const { rank, worldSize, batchSize, numSamples } = this.#options;
    const rowsOf = (epoch: number, start: number) => {
      const rows: number[] = [];
      for (let position = start + rank; position < Math.min(start + batchSize, numSamples); position += worldSize) {
        const slot = this.#order.slotAt(epoch, position);
        if (this.#cache?.isKept(slot) !== true) rows.push(this.#order.rowAt(slot));
      }
      return rows;
    };
    return new ReadAhead({ store: this.#store, batchSize, numSamples, rowsOf });
  }

  #requireFresh(position: number): void {
    const { batchSize, numSamples } = this.#options;
    if (position + batchSize <= numSamples) return;
    throw new BuilderError(
      "regime/exhausted",
      `the infinite regime was asked for images ${position + 1} to ${position + batchSize} of ${numSamples}. ` +
        "Build more shards, stop earlier, or use the finite regime.",
    );
  }
}
