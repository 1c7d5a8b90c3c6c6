import type { RowStore } from "./row-store.ts";

/** Rows that are looked ahead: two shards of the usual size where rows are served in file order. */
const rowsAhead = 20_000;

/** Has the shards of a remote data set fetched before their batch comes, within an epoch. */
export class ReadAhead {
  readonly #store: RowStore;
  readonly #batchSize: number;
  readonly #numSamples: number;
  readonly #rowsOf: (epoch: number, position: number) => readonly number[];
  #epoch = -1;
  #next = 0;

  /** @param options.rowsOf - rows that the batch at a position of an epoch reads from the store */
  constructor(options: {
    readonly store: RowStore;
    readonly batchSize: number;
    readonly numSamples: number;
    readonly rowsOf: (epoch: number, position: number) => readonly number[];
  }) {
    this.#store = options.store;
    this.#batchSize = options.batchSize;
    this.#numSamples = options.numSamples;
    this.#rowsOf = options.rowsOf;
  }

  /** `RowStore.prepare` for the batch at a position; those after it are fetched meanwhile. */
  prepare(epoch: number, position: number): Promise<void> | undefined {
    const waiting = this.#store.prepare(this.#rowsOf(epoch, position));
    if (epoch !== this.#epoch || this.#next < position) {
      this.#epoch = epoch;
      this.#next = position + this.#batchSize;
    }
    const end = Math.min(position + this.#batchSize + rowsAhead, this.#numSamples);
    for (; this.#next < end; this.#next += this.#batchSize) this.#store.prefetch(this.#rowsOf(epoch, this.#next));
    return waiting;
  }
}
