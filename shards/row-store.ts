import { setImmediate } from "node:timers/promises";
import { BuilderError } from "../core/errors.ts";
import { imageBytes } from "../core/image-layout.ts";
import type { FileSource } from "./byte-source.ts";
import { copyExtras, type ExtraValues, type LoadedExtras, loadExtras } from "./extra-columns.ts";
import type { ShardEntry } from "./manifest.ts";
import { imageBytesOf, type LoadedShard, loadShard, openShardFile } from "./open-shard.ts";
import type { ResolvedFilter } from "./row-filter.ts";
import { findInterval } from "./row-search.ts";
import type { Samples } from "./samples.ts";

/** Files kept open at once; more shards than that are opened in turn. */
const maxOpenFiles = 512;

/**
 * Rows of one split by index, read where they lie. A shard is opened when its first row is asked for. If all images fit
 * into `memoryBytes` they become resident; else each is one read of 3,072 bytes.
 */
export class RowStore {
  readonly numRows: number;
  readonly isResident: boolean;
  readonly #directory: string;
  readonly #entries: readonly ShardEntry[];
  readonly #numClasses: number;
  readonly #firstRows: Float64Array;
  readonly #shardsPerRow: number;
  readonly #shards: (LoadedShard | undefined)[];
  readonly #extras = new Map<number, LoadedExtras>();
  readonly #files = new Map<number, FileSource>();
  #numUsers = 0;
  #isClosed = false;

  constructor(options: {
    readonly directory: string;
    readonly entries: readonly ShardEntry[];
    readonly numClasses: number;
    readonly memoryBytes: number;
  }) {
    this.#directory = options.directory;
    this.#entries = options.entries.filter((entry) => entry.rows > 0);
    this.#numClasses = options.numClasses;
    let numRows = 0;
    this.#firstRows = Float64Array.from(this.#entries, (entry) => {
      numRows += entry.rows;
      return numRows - entry.rows;
    });
    this.numRows = numRows;
    this.#shardsPerRow = this.#entries.length / numRows;
    this.isResident = imageBytesOf(numRows) <= options.memoryBytes;
    this.#shards = new Array<LoadedShard | undefined>(this.#entries.length).fill(undefined);
  }

  /**
   * Keeps files open until the returned function is called; the last one to call it closes them all. So a loader whose
   * loop was left early leaks nothing, also if nobody closes the data set.
   */
  use(): () => void {
    this.#requireOpen();
    this.#numUsers++;
    let isReleased = false;
    return () => {
      if (isReleased) return;
      isReleased = true;
      this.#numUsers--;
      if (this.#numUsers === 0) this.#closeFiles();
    };
  }

  /** Copies id, label and image of a row to place `index` of a batch. Call between `use()` and its release. */
  readRow(row: number, index: number, samples: Samples): void {
    const shardIndex = findInterval(this.#firstRows, row, this.#shardsPerRow);
    const shard = this.#shards[shardIndex] ?? this.#load(shardIndex);
    const own = row - this.#firstRows[shardIndex]!;
    samples.ids[index] = shard.ids[own]!;
    samples.labels[index] = shard.labels[own]!;
    this.#copyImage(shardIndex, shard, own, index, samples.images);
  }

  /** `readRow` without the image. */
  readFacts(row: number, index: number, samples: Samples): void {
    const shardIndex = findInterval(this.#firstRows, row, this.#shardsPerRow);
    const shard = this.#shards[shardIndex] ?? this.#load(shardIndex);
    const own = row - this.#firstRows[shardIndex]!;
    samples.ids[index] = shard.ids[own]!;
    samples.labels[index] = shard.labels[own]!;
  }

  /** Copies the columns asked for, of a row, to place `index`. */
  readExtras(row: number, index: number, target: ExtraValues): void {
    const shardIndex = findInterval(this.#firstRows, row, this.#shardsPerRow);
    const extras = this.#extras.get(shardIndex) ?? this.#loadExtras(shardIndex);
    copyExtras(extras, row - this.#firstRows[shardIndex]!, index, target, () => this.#open(shardIndex));
  }

  /**
   * Rows that a filter keeps, rising. Reads labels and confidences of the whole split, and lets others work meanwhile.
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
        const { labels } = this.#shards[shardIndex] ?? this.#load(shardIndex);
        const { confidences } = this.#extras.get(shardIndex) ?? this.#loadExtras(shardIndex);
        const firstRow = this.#firstRows[shardIndex]!;
        for (let own = 0; own < numRows; own++) {
          if (isWanted[labels[own]!] === 1 && confidences[own]! >= filter.minConfidence)
            rows[numKept++] = firstRow + own;
        }
        await setImmediate();
      }
    } finally {
      release();
    }
    const kept = new Uint32Array(new SharedArrayBuffer(4 * numKept));
    kept.set(rows.subarray(0, numKept));
    return kept;
  }

  /** `readRow` without id and label. */
  readImage(row: number, index: number, images: Uint8Array): void {
    const shardIndex = findInterval(this.#firstRows, row, this.#shardsPerRow);
    const shard = this.#shards[shardIndex] ?? this.#load(shardIndex);
    this.#copyImage(shardIndex, shard, row - this.#firstRows[shardIndex]!, index, images);
  }

  /** Closes all files and forgets what is resident; any later use is refused. */
  close(): void {
    this.#isClosed = true;
    this.#closeFiles();
    this.#shards.fill(undefined);
    this.#extras.clear();
  }

  #copyImage(shardIndex: number, shard: LoadedShard, own: number, index: number, images: Uint8Array): void {
    const target = index * imageBytes;
    if (shard.images !== undefined) {
      images.set(shard.images.subarray(own * imageBytes, (own + 1) * imageBytes), target);
      return;
    }
    const batch = findInterval(shard.batchStarts, own, shard.batchesPerRow);
    const position = shard.batchPositions[batch]! + (own - shard.batchStarts[batch]!) * imageBytes;
    this.#open(shardIndex).readInto(position, images.subarray(target, target + imageBytes));
  }

  #load(shardIndex: number): LoadedShard {
    const options = { numClasses: this.#numClasses, withImages: this.isResident };
    const shard = loadShard(this.#open(shardIndex), this.#entry(shardIndex), options);
    this.#shards[shardIndex] = shard;
    if (this.isResident) this.#closeFile(shardIndex);
    return shard;
  }

  #loadExtras(shardIndex: number): LoadedExtras {
    const extras = loadExtras(this.#open(shardIndex));
    this.#extras.set(shardIndex, extras);
    return extras;
  }

  #open(shardIndex: number): FileSource {
    const known = this.#files.get(shardIndex);
    if (known !== undefined) return known;
    this.#requireOpen();
    const [oldest] = this.#files.keys();
    if (oldest !== undefined && this.#files.size >= maxOpenFiles) this.#closeFile(oldest);
    const file = openShardFile(this.#directory, this.#entry(shardIndex));
    this.#files.set(shardIndex, file);
    return file;
  }

  #entry(shardIndex: number): ShardEntry {
    const entry = this.#entries[shardIndex];
    if (entry !== undefined) return entry;
    throw new BuilderError(
      "dataset/no-such-row",
      `${this.#directory} has no shard ${shardIndex}. Ask for rows it has.`,
    );
  }

  #closeFile(shardIndex: number): void {
    this.#files.get(shardIndex)?.close();
    this.#files.delete(shardIndex);
  }

  #closeFiles(): void {
    for (const file of this.#files.values()) file.close();
    this.#files.clear();
  }

  #requireOpen(): void {
    if (!this.#isClosed) return;
    throw new BuilderError("dataset/closed", `${this.#directory} must be open, it was closed. Open it again.`);
  }
}
