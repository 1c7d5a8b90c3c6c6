import { Cifar5mError } from "../../core/errors.ts";
import { nextTurn } from "../../core/next-turn.ts";
import type { ShardEntry } from "../format/manifest.ts";
import type { ExtraValues } from "./extra-columns.ts";
import { imageBytesOf } from "./open-shard.ts";
import type { ResolvedFilter } from "./row-filter.ts";
import { findInterval } from "./row-search.ts";
import type { Samples } from "./samples.ts";
import { ShardFiles } from "./shard-files.ts";
import { ShardRows } from "./shard-rows.ts";
import type { ShardSource } from "./shard-source.ts";

/** Times that shards which were fetched may be gone when they are to be read, before it is a rule. */
const maxWaits = 4;

/**
 * Rows of one split by index, read where they lie. A shard is opened when its first row is asked for. If all images fit
 * into `memoryBytes` they become resident; else each is one read of 3,072 bytes. Rows of a remote set have to be prepared
 * before they are read.
 */
export class RowStore {
  readonly numRows: number;
  readonly isResident: boolean;
  readonly #source: ShardSource;
  readonly #entries: readonly ShardEntry[];
  readonly #numClasses: number;
  readonly #firstRows: Float64Array;
  readonly #shardsPerRow: number;
  readonly #shards: (ShardRows | undefined)[];
  readonly #files: ShardFiles;
  #rowInShard = 0;
  #numUsers = 0;
  #isClosed = false;

  constructor(options: {
    readonly source: ShardSource;
    readonly entries: readonly ShardEntry[];
    readonly numClasses: number;
    readonly memoryBytes: number;
  }) {
    this.#source = options.source;
    this.#entries = options.entries.filter((entry) => entry.rows > 0);
    this.#files = new ShardFiles(options.source, this.#entries);
    this.#numClasses = options.numClasses;
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

  /** Whether rows have to be prepared before they are read. */
  get isRemote(): boolean {
    return this.#source.isRemote;
  }

  /**
   * Keeps files open until the returned function is called; the last one to call it closes them all and ends all
   * downloads. So a loader whose loop was left early leaks nothing, also if nobody closes the data set.
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
   * Brings rows within reach; call between `use()` and its release.
   * @returns undefined if they can be read now, until the next turn of the event loop; else a promise, after which to
   *   ask again: other readers of the store may have closed in between what was opened for this one
   * @throws Cifar5mError `dataset/closed`, `disk/…`; the promise: `store/…`, `disk/…`, also of an earlier prefetch
   */
  prepare(rows: ArrayLike<number>): Promise<void> | undefined {
    if (!this.isRemote) return undefined;
    this.#requireOpen();
    return this.#files.prepare(this.#shardsOf(rows));
  }

  /** Waits until rows can be read: until the next turn of the event loop. Throws as `prepare`. */
  async ready(rows: ArrayLike<number>): Promise<void> {
    let numWaits = 0;
    for (let wait = this.prepare(rows); wait !== undefined; wait = this.prepare(rows)) {
      await wait;
      if (++numWaits < maxWaits) continue;
      const numShards = this.#shardsOf(rows).size;
      if (this.#files.canHold(numShards)) continue;
      throw new Cifar5mError(
        "disk/too-many-open-files",
        `a batch has rows of ${numShards} shards of ${this.#source.location}, of which neither the cache keeps all nor may ` +
          "so many files be open. Raise cache.maxBytes or `ulimit -n`, or use smaller batches.",
      );
    }
  }

  /** Starts to fetch what rows need, in the background; an error is told by the `prepare` that needs it. */
  prefetch(rows: ArrayLike<number>): void {
    if (this.isRemote && !this.#isClosed) this.#files.prefetch(this.#shardsOf(rows));
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

  /** Copies the columns that `target` has to `target[index]`. */
  readExtras(row: number, index: number, target: ExtraValues): void {
    this.#shardOf(row).copyExtras(this.#rowInShard, index, target);
  }

  /**
   * Rows that a filter keeps, rising. Reads labels and confidences of the whole split, shard by shard.
   * @returns shape [kept], in memory that workers can share
   */
  async selectRows(filter: ResolvedFilter): Promise<Uint32Array> {
    const isWanted = new Uint8Array(256);
    for (const label of filter.classes) isWanted[label] = 1;
    const rows = new Uint32Array(this.numRows);
    const release = this.use();
    let numKept = 0;
    try {
      for (const [shardIndex, { rows: numRows }] of this.#entries.entries()) {
        const firstRow = this.#firstRows[shardIndex]!;
        await this.ready([firstRow]);
        const shard = this.#shards[shardIndex] ?? this.#openShard(shardIndex);
        const [{ labels }, { confidences }] = [shard.idsAndLabels, shard.extras];
        for (let rowInShard = 0; rowInShard < numRows; rowInShard++) {
          if (isWanted[labels[rowInShard]!] === 1 && confidences[rowInShard]! >= filter.minConfidence)
            rows[numKept++] = firstRow + rowInShard;
        }
        await nextTurn();
      }
    } finally {
      release();
    }
    // Pages have shared memory only where their server isolates them, and no workers that would want it.
    const memory = typeof SharedArrayBuffer === "undefined" ? ArrayBuffer : SharedArrayBuffer;
    const kept = new Uint32Array(new memory(4 * numKept));
    kept.set(rows.subarray(0, numKept));
    return kept;
  }

  /** Closes all files, ends all downloads and forgets what is resident; any later use is refused. */
  close(): void {
    this.#isClosed = true;
    this.#files.closeAll(this.#closedError());
    this.#shards.fill(undefined);
  }

  /** Shards that have to be open to read rows, each once. */
  #shardsOf(rows: ArrayLike<number>): Set<number> {
    const shardIndices = new Set<number>();
    for (let index = 0; index < rows.length; index++) {
      const shardIndex = findInterval(this.#firstRows, rows[index]!, this.#shardsPerRow);
      if (this.#shards[shardIndex]?.isResident !== true) shardIndices.add(shardIndex);
    }
    return shardIndices;
  }

  /** The shard of a row, opened if need be. Leaves the row's index within it in `#rowInShard`. */
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
    const shard = new ShardRows({ open, entry, numClasses: this.#numClasses, isResident: this.isResident });
    this.#shards[shardIndex] = shard;
    if (this.isResident) this.#files.close(shardIndex);
    return shard;
  }

  #requireOpen(): void {
    if (this.#isClosed) throw this.#closedError();
  }

  #closedError(): Cifar5mError {
    return new Cifar5mError("dataset/closed", `${this.#source.location} must be open, it was closed. Open it again.`);
  }
}
