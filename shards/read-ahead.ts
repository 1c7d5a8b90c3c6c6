import type { BatchRange } from "./batch-maker.ts";
import type { RowStore } from "./row-store.ts";

/** Rows that are looked ahead: two shards of the usual size where rows are served in file order. */
const rowsAhead = 20_000;

/** Has the shards of a remote data set fetched before their batch comes. */
export class ReadAhead {
  readonly #store: RowStore;
  readonly #rowsOf: (range: BatchRange) => readonly number[];
  readonly #nextRange: (range: BatchRange) => BatchRange | undefined;
  /** The last batch that was looked at, and the batches from the one asked for to it. */
  #last: BatchRange | undefined;
  #numAhead = 0;

  /**
   * @param options.rowsOf - rows that a batch reads from the store
   * @param options.nextRange - the batch after one, undefined at the end
   */
  constructor(options: {
    readonly store: RowStore;
    readonly rowsOf: (range: BatchRange) => readonly number[];
    readonly nextRange: (range: BatchRange) => BatchRange | undefined;
  }) {
    this.#store = options.store;
    this.#rowsOf = options.rowsOf;
    this.#nextRange = options.nextRange;
  }

  /** `RowStore.prepare` for a batch; those after it are fetched meanwhile. Batches must be asked for in order. */
  prepare(range: BatchRange): Promise<void> | undefined {
    const waiting = this.#store.prepare(this.#rowsOf(range));
    if (waiting === undefined) this.#numAhead--;
    const limit = Math.ceil(rowsAhead / (range.end - range.start));
    if (this.#numAhead <= 0) {
      this.#last = range;
      this.#numAhead = 0;
    }
    while (this.#numAhead < limit && this.#last !== undefined) {
      this.#last = this.#nextRange(this.#last);
      if (this.#last === undefined) break;
      this.#store.prefetch(this.#rowsOf(this.#last));
      this.#numAhead++;
    }
    return waiting;
  }
}
