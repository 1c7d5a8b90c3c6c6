import { Cifar5mError } from "../../core/errors.ts";
import { imageBytes } from "../../core/image-layout.ts";
import { nextTurn } from "../../core/next-turn.ts";
import type { ShardEntry } from "../format/manifest.ts";
import type { ExtraValues } from "./extra-columns.ts";
import { imageBytesOf } from "./open-shard.ts";
import { findInterval } from "./row-search.ts";
import type { Samples } from "./samples.ts";
import { ShardFiles } from "./shard-files.ts";
import { ShardRows } from "./shard-rows.ts";
import type { ShardSource } from "./shard-source.ts";

/** How often fetched shards may be gone again before they are read. After that it is not a coincidence. */
const maxWaits = 4;

/**
 * Rows of one split by index, read directly from the shards. A shard is opened when its first row is needed. If all
 * images fit into `memoryBytes` they are kept in memory; otherwise each image is read when it is asked for. Rows of a
 * remote set must be prepared before they are read.
 */
export class RowStore {
  readonly numRows: number;
  readonly isResident: boolean;
  readonly #source: ShardSource;
  readonly #entries: readonly ShardEntry[];
  readonly numClasses: number;
  readonly #firstRows: Float64Array;
  readonly #shardsPerRow: number;
  readonly #shards: (ShardRows | undefined)[];
  readonly #files: ShardFiles;
  #rowInShard = 0;
  #numUsers = 0;
  readonly #closing = new AbortController();

  constructor(options: {
    readonly source: ShardSource;
    readonly entries: readonly ShardEntry[];
    readonly numClasses: number;
    readonly memoryBytes: number;
  }) {
    this.#source = options.source;
    this.#entries = options.entries.filter((entry) => entry.rows > 0);
    this.#files = new ShardFiles(options.source, this.#entries);
    this.numClasses = options.numClasses;
    let numRows = 0;
    this.#firstRows = Float64Array.from(this.#entries, (entry) => {
      numRows += entry.rows;
      return numRows - entry.rows;
    });
    this.numRows = numRows;
    this.#shardsPerRow = this.#entries.length / numRows;
    this.isResident = imageBytesOf(numRows) <= options.memoryBytes;
    this.#shards = new Array<ShardRows | undefined>(this.#entries.length).fill(undefined);
  }

  /** Where the shards are, in errors. */
  get location(): string {
    return this.#source.location;
  }

  /** Aborted when the store is closed, with the error that any later use throws. */
  get closed(): AbortSignal {
    return this.#closing.signal;
  }

  /** Whether rows must be prepared before they are read. */
  get isRemote(): boolean {
    return this.#source.isRemote;
  }

  /**
   * Keeps files open until the returned function is called. The last caller closes all files and ends all downloads, so
   * a loader whose loop ends early leaks nothing, even if nobody closes the data set.
   */
  use(): () => void {
    this.#requireOpen();
    this.#numUsers++;
    let isReleased = false;
    return () => {
      if (isReleased) return;
      isReleased = true;
      this.#numUsers--;
      if (this.#numUsers === 0) this.#files.closeAll();
    };
  }

  /**
   * Makes rows readable. Call it between `use()` and its release.
   * @param withColumns - also the columns besides image, id and label, which are not kept in memory with the images
   * @returns undefined if the rows can be read now, until the next turn of the event loop; otherwise a promise, after
   *   which the caller must ask again: other readers of the store may have closed the files meanwhile
   * @throws Cifar5mError `dataset/closed`, `store/too-many-shards`, `disk/…`; the promise: `store/…`, `disk/…`, including errors of an earlier
   *   prefetch
   */
  prepare(rows: ArrayLike<number>, withColumns = false): Promise<void> | undefined {
    if (!this.isRemote) return undefined;
    this.#requireOpen();
    const shardIndices = this.#shardsOf(rows, withColumns);
    this.#requireRoom(shardIndices.size);
    return this.#files.prepare(shardIndices);
  }

  /** Waits until rows can be read; they stay readable until the next turn of the event loop. Throws as `prepare`. */
  async ready(rows: ArrayLike<number>, withColumns = false): Promise<void> {
    let numWaits = 0;
    const prepare = () => this.prepare(rows, withColumns);
    for (let wait = prepare(); wait !== undefined; wait = prepare()) {
      await wait;
      if (++numWaits < maxWaits) continue;
      const numShards = this.#shardsOf(rows, withColumns).size;
      if (this.#files.canHold(numShards)) continue;
      throw new Cifar5mError(
        "disk/too-many-open-files",
        `a batch has rows of ${numShards} shards of ${this.#source.location}; the cache cannot keep all of them, and ` +
          "this many files may not be open at once. Raise cache.maxBytes or `ulimit -n`, or use smaller batches.",
      );
    }
  }

  /**
   * Starts to fetch the shards of rows in the background. The `prepare` that needs a shard throws the error of its
   * download.
   */
  prefetch(rows: ArrayLike<number>, withColumns = false): void {
    if (this.isRemote && !this.closed.aborted) this.#files.prefetch(this.#shardsOf(rows, withColumns));
  }

  /** Copies id, label and image of a row to `samples[index]`. Call between `use()` and its release. */
  readRow(row: number, index: number, samples: Samples): void {
    const shard = this.#shardOf(row);
    shard.copyIdAndLabel(this.#rowInShard, index, samples);
    shard.copyImage(this.#rowInShard, index, samples.images);
  }

  /** `readRow` without the image. */
  readIdAndLabel(row: number, index: number, samples: Samples): void {
    this.#shardOf(row).copyIdAndLabel(this.#rowInShard, index, samples);
  }

  /** `readRow` without id and label. */
  readImage(row: number, index: number, images: Uint8Array): void {
    this.#shardOf(row).copyImage(this.#rowInShard, index, images);
  }

  /**
   * Reads the images of the rows in [start, end) that lie in the shard of `row`: neighbors, by few reads.
   * @param images - gets the image of row r at index r − start; shape [end − start, 32, 32, 3]
   * @returns the range of rows that was read; it holds `row`
   */
  readNeighbors(
    row: number,
    { start, end }: { readonly start: number; readonly end: number },
    images: Uint8Array,
  ): { readonly start: number; readonly end: number } {
    const shard = this.#shardOf(row);
    const firstRow = row - this.#rowInShard;
    const read = { start: Math.max(start, firstRow), end: Math.min(end, firstRow + shard.numRows) };
    const target = images.subarray((read.start - start) * imageBytes, (read.end - start) * imageBytes);
    shard.readImages(read.start - firstRow, read.end - read.start, target);
    return read;
  }

  /** Copies the columns that `target` holds to `target[index]`. */
  readExtras(row: number, index: number, target: ExtraValues): void {
    this.#shardOf(row).copyExtras(this.#rowInShard, index, target);
  }

  /** The shards in the order of their rows, each with the number of rows before it. Throws as `ready` and `readRow`. */
  async *readShards(): AsyncGenerator<{ readonly firstRow: number; readonly shard: ShardRows }, void, undefined> {
    const release = this.use();
    try {
      for (const [shardIndex, firstRow] of this.#firstRows.entries()) {
        await this.ready([firstRow], true);
        yield { firstRow, shard: this.#shards[shardIndex] ?? this.#openShard(shardIndex) };
        await nextTurn();
      }
    } finally {
      release();
    }
  }

  /** Closes all files, ends all downloads and frees the images in memory. Any later use throws. */
  close(): void {
    const error = new Cifar5mError(
      "dataset/closed",
      `${this.#source.location} must be open, it was closed. Open it again.`,
    );
    this.#closing.abort(error);
    this.#files.closeAll(error);
    this.#shards.fill(undefined);
  }

  /** Throws where a page's memory cannot hold so many shards at once, before any of them is fetched. */
  #requireRoom(numShards: number): void {
    const { maxOpen, location } = this.#source;
    if (maxOpen === undefined || numShards <= maxOpen) return;
    throw new Cifar5mError(
      "store/too-many-shards",
      `cache.maxMemoryBytes must hold the ${numShards} shards of ${location} that a batch has rows of, it holds ${maxOpen}. ` +
        'Raise it, use smaller batches, or shuffle: "blocked".',
    );
  }

  /** The shards that must be open to read these rows, each once. */
  #shardsOf(rows: ArrayLike<number>, withColumns: boolean): Set<number> {
    const shardIndices = new Set<number>();
    for (let index = 0; index < rows.length; index++) {
      const shardIndex = findInterval(this.#firstRows, rows[index]!, this.#shardsPerRow);
      if (withColumns || this.#shards[shardIndex]?.isResident !== true) shardIndices.add(shardIndex);
    }
    return shardIndices;
  }

  /** The shard of a row, opened if necessary. Sets `#rowInShard` to the row's index within it. */
  #shardOf(row: number): ShardRows {
    const shardIndex = findInterval(this.#firstRows, row, this.#shardsPerRow);
    this.#rowInShard = row - this.#firstRows[shardIndex]!;
    return this.#shards[shardIndex] ?? this.#openShard(shardIndex);
  }

  #openShard(shardIndex: number): ShardRows {
    const entry = this.#entries[shardIndex];
    if (entry === undefined) {
      throw new Cifar5mError(
        "dataset/no-such-row",
        `${this.#source.location} has no shard ${shardIndex}. Ask for rows it has.`,
      );
    }
    const open = () => {
      this.#requireOpen();
      return this.#files.open(shardIndex);
    };
    const { numClasses, isResident, isRemote } = this;
    const shard = new ShardRows({
      ...{ open, entry, numClasses, keepsImages: isResident, keepsIds: isResident || isRemote },
      // A file that was fetched may be gone from the cache, and other columns may be read from it.
      onResident: isRemote ? undefined : () => this.#files.close(shardIndex),
    });
    this.#shards[shardIndex] = shard;
    return shard;
  }

  #requireOpen(): void {
    this.closed.throwIfAborted();
  }
}
