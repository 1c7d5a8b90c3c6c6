import type { RowStore } from "../rows/row-store.ts";
import type { BatchRange } from "./batch-maker.ts";

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

  /** `RowStore.ready` for a batch; those after it are fetched meanwhile. Batches must be asked for in order. */
  async ready(range: BatchRange): Promise<void> {
    const rows = this.#rowsOf(range);
    const waiting = this.#store.prepare(rows);
    this.#lookAhead(range);
    await waiting;
    await this.#store.ready(rows);
  }

  #lookAhead(range: BatchRange): void {
    this.#numAhead--;
    if (this.#numAhead <= 0) {
      this.#last = range;
      this.#numAhead = 0;
    }
    const limit = Math.ceil(rowsAhead / (range.end - range.start));
    while (this.#numAhead < limit && this.#last !== undefined) {
      this.#last = this.#nextRange(this.#last);
      if (this.#last === undefined) return;
      this.#store.prefetch(this.#rowsOf(this.#last));
      this.#numAhead++;
    }
  }
}
