import type { RowStore } from "../rows/row-store.ts";
import type { BatchRange } from "./batch-maker.ts";

/** Number of rows to look ahead: two shards of the usual size if rows are served in file order. */
const rowsAhead = 20_000;

/** Fetches the shards of a remote data set before the batches that need them. */
export class ReadAhead {
  readonly #store: RowStore;
  readonly #rowsOf: (range: BatchRange) => readonly number[];
  readonly #withColumns: boolean;
  readonly #nextRange: (range: BatchRange) => BatchRange | undefined;
  /** The last batch that was looked at, and the number of batches from the requested one to it. */
  #last: BatchRange | undefined;
  #numAhead = 0;

  /**
   * @param options.rowsOf - rows that a batch reads from the store
   * @param options.withColumns - whether a batch reads other columns than image, id and label
   * @param options.nextRange - the batch after a given one, undefined at the end
   */
  constructor(options: {
    readonly store: RowStore;
    readonly rowsOf: (range: BatchRange) => readonly number[];
    readonly withColumns: boolean;
    readonly nextRange: (range: BatchRange) => BatchRange | undefined;
  }) {
    this.#store = options.store;
    this.#rowsOf = options.rowsOf;
    this.#withColumns = options.withColumns;
    this.#nextRange = options.nextRange;
  }

  /**
   * Waits until a batch can be read, and fetches the shards of later batches meanwhile. Batches must be requested in
   * order.
   */
  async ready(range: BatchRange): Promise<void> {
    const rows = this.#rowsOf(range);
    const waiting = this.#store.prepare(rows, this.#withColumns);
    this.#lookAhead(range);
    await waiting;
    await this.#store.ready(rows, this.#withColumns);
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
      this.#store.prefetch(this.#rowsOf(this.#last), this.#withColumns);
      this.#numAhead++;
    }
  }
}
