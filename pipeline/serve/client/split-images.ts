import { imageBytes } from "../../../core/image-layout.ts";
import type { ShardEntry } from "../../../shards/format/manifest.ts";
import { batchOf, type RowColumns } from "../row-columns.ts";
import { SetChangedError } from "./ask.ts";
import { fetchRange } from "./fetch-range.ts";

/** Images that are kept in memory: 18 MB. */
const maxKept = 6000;
/** Requests at a time, as browsers allow to one server. */
const maxRequests = 6;
/** Rows of one request, and rows between two wanted ones that are fetched along with them. */
const [maxSpan, maxGap] = [128, 4];
/** Wait before the server is asked again after an error. */
const retryMs = 2000;

/** Rows that one Range request fetches. */
interface Span {
  readonly first: number;
  readonly end: number;
}

/** The images of a split, by Range requests for what is wanted now. */
export class SplitImages {
  readonly #base: string;
  readonly #columns: RowColumns;
  /** Those that have rows. */
  readonly #shards: readonly ShardEntry[];
  /** First row of each shard. */
  readonly #shardStarts: readonly number[];
  /** Used longest ago first. */
  readonly #kept = new Map<number, Uint8Array>();
  readonly #coming = new Set<number>();
  #wanted: readonly number[] = [];
  #numRequests = 0;
  #onCome: () => void = () => undefined;
  #onFail: (thrown: unknown) => void = () => undefined;

  /** @param base - path of the folder of the set */
  constructor(base: string, shards: readonly ShardEntry[], columns: RowColumns) {
    this.#base = base;
    this.#columns = columns;
    this.#shards = shards.filter(({ rows }) => rows > 0);
    let start = 0;
    this.#shardStarts = this.#shards.map(({ rows }) => {
      start += rows;
      return start - rows;
    });
  }

  /** Told whenever images have come, and of errors. */
  listen(onCome: () => void, onFail: (thrown: unknown) => void): void {
    this.#onCome = onCome;
    this.#onFail = onFail;
  }

  /** An image, uint8, shape [32, 32, 3], if it is here. */
  image(row: number): Uint8Array | undefined {
    const image = this.#kept.get(row);
    if (image !== undefined) {
      this.#kept.delete(row);
      this.#kept.set(row, image);
    }
    return image;
  }

  /** Fetches these rows, in place of those that were wanted before. */
  want(rows: readonly number[]): void {
    this.#wanted = rows;
    this.#next();
  }

  /** Fetches one image, whatever else is wanted. */
  async read(row: number): Promise<Uint8Array> {
    const kept = this.image(row);
    if (kept !== undefined) return kept;
    const bytes = await this.#fetch(row, this.#imagePosition(row), imageBytes);
    this.#keep(row, bytes);
    return bytes;
  }

  /** The labeler's probabilities of a row, float32, shape [classes]. */
  async readProbabilities(row: number, numClasses: number): Promise<Float32Array> {
    const batch = batchOf(this.#columns, row);
    const inBatch = row - this.#columns.firstRows[batch]!;
    const position = this.#columns.probabilityPositions[batch]! + inBatch * 4 * numClasses;
    return new Float32Array((await this.#fetch(row, position, 4 * numClasses)).slice().buffer);
  }

  /** The shard of a row, and the row within it. */
  shardOf(row: number): { readonly file: string; readonly sha256: string; readonly rowInShard: number } {
    let shard = this.#shardStarts.length - 1;
    while (shard > 0 && this.#shardStarts[shard]! > row) shard--;
    const { file, sha256 } = this.#shards[shard]!;
    return { file, sha256, rowInShard: row - this.#shardStarts[shard]! };
  }

  #next(): void {
    while (this.#numRequests < maxRequests) {
      const span = this.#nextSpan();
      if (span === undefined) return;
      this.#numRequests++;
      for (let row = span.first; row < span.end; row++) this.#coming.add(row);
      this.#load(span)
        .then(() => {
          this.#onCome();
          return 0;
        })
        .catch((thrown: unknown) => {
          this.#onFail(thrown);
          return retryMs;
        })
        .then((waitMs) => window.setTimeout(() => this.#free(span), waitMs));
    }
  }

  #free(span: Span): void {
    this.#numRequests--;
    for (let row = span.first; row < span.end; row++) this.#coming.delete(row);
    this.#next();
  }

  /** The first wanted row that is not here, and those close behind it in the same record batch. */
  #nextSpan(): Span | undefined {
    const missing = this.#wanted.filter((row) => !this.#kept.has(row) && !this.#coming.has(row));
    const [first] = missing;
    if (first === undefined) return undefined;
    const batch = batchOf(this.#columns, first);
    const batchEnd = this.#columns.firstRows[batch + 1] ?? this.#columns.numRows;
    const limit = Math.min(batchEnd, first + maxSpan);
    let end = first + 1;
    for (const row of missing.filter((one) => one > first && one < limit).sort((a, b) => a - b)) {
      if (row > end + maxGap) break;
      end = row + 1;
    }
    return { first, end };
  }

  async #load({ first, end }: Span): Promise<void> {
    const bytes = await this.#fetch(first, this.#imagePosition(first), (end - first) * imageBytes);
    for (let row = first; row < end; row++) {
      // A copy, so that one kept image does not keep the whole answer.
      this.#keep(row, bytes.slice((row - first) * imageBytes, (row - first + 1) * imageBytes));
    }
  }

  #keep(row: number, image: Uint8Array): void {
    this.#kept.set(row, image);
    for (const old of this.#kept.keys()) {
      if (this.#kept.size <= maxKept) return;
      this.#kept.delete(old);
    }
  }

  #imagePosition(row: number): number {
    const batch = batchOf(this.#columns, row);
    return this.#columns.imagePositions[batch]! + (row - this.#columns.firstRows[batch]!) * imageBytes;
  }

  /** Fetches bytes of a row's shard. The hash in the address keeps another set's bytes out. */
  async #fetch(row: number, start: number, length: number): Promise<Uint8Array> {
    const { file, sha256 } = this.shardOf(row);
    const bytes = await fetchRange(`${this.#base}/${file}?sha256=${sha256}`, start, length);
    if (bytes === undefined) throw new SetChangedError();
    return bytes;
  }
}
