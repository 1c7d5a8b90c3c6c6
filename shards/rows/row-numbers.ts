/** Entries of a chunk. An array can hold only 2²⁹ numbers of 8 bytes on some platforms. */
export const chunkEntries = 2 ** 22;

/**
 * Rising row numbers, in chunks of `chunkEntries`, of which only the last is shorter. Rows of a split beyond 2³² take 8
 * bytes each, others 4. Plain data in memory that workers can share.
 */
export type RowNumbers = readonly (Uint32Array | Float64Array)[];

/** Collects rising row numbers. */
export class RowCollector {
  readonly #chunks: (Uint32Array | Float64Array)[] = [];
  readonly #make: (numEntries: number) => Uint32Array | Float64Array;
  #chunk: Uint32Array | Float64Array | undefined;
  #numInChunk = 0;

  /** @param numRows - all rows are smaller */
  constructor(numRows: number) {
    // A page has shared memory only if its server isolates it, and has no workers that would use it.
    const Memory = typeof SharedArrayBuffer === "undefined" ? ArrayBuffer : SharedArrayBuffer;
    const isWide = numRows > 2 ** 32;
    this.#make = (numEntries) =>
      isWide ? new Float64Array(new Memory(8 * numEntries)) : new Uint32Array(new Memory(4 * numEntries));
  }

  add(row: number): void {
    if (this.#chunk === undefined || this.#numInChunk === chunkEntries) {
      this.#chunk = this.#make(chunkEntries);
      this.#chunks.push(this.#chunk);
      this.#numInChunk = 0;
    }
    this.#chunk[this.#numInChunk++] = row;
  }

  finish(): RowNumbers {
    const last = this.#chunks.pop();
    if (last === undefined) return [];
    const short = this.#make(this.#numInChunk);
    short.set(last.subarray(0, this.#numInChunk));
    return [...this.#chunks, short];
  }
}

/** Number of rows. */
export function countRows(rows: RowNumbers): number {
  const last = rows.at(-1);
  return last === undefined ? 0 : (rows.length - 1) * chunkEntries + last.length;
}

/** @param index - in [0, number of rows); not checked */
export function rowNumberAt(rows: RowNumbers, index: number): number {
  return rows[Math.floor(index / chunkEntries)]![index % chunkEntries]!;
}

/** How many of the rows are smaller than `limit`. */
export function countRowsBelow(rows: RowNumbers, limit: number): number {
  let [low, high] = [0, countRows(rows)];
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (rowNumberAt(rows, middle) < limit) low = middle + 1;
    else high = middle;
  }
  return low;
}

/**
 * The rows that are in both.
 * @param numRows - all rows are smaller
 */
export function intersectRows(first: RowNumbers, second: RowNumbers, numRows: number): RowNumbers {
  const both = new RowCollector(numRows);
  const numSecond = countRows(second);
  let index = 0;
  for (const chunk of first) {
    for (const row of chunk) {
      while (index < numSecond && rowNumberAt(second, index) < row) index++;
      if (index < numSecond && rowNumberAt(second, index) === row) both.add(row);
    }
  }
  return both.finish();
}
