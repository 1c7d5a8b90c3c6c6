import { imageAt, imageBytes } from "../../core/image-layout.ts";
import type { RowStore } from "../rows/row-store.ts";
import type { ResolvedOptions } from "./resolve-options.ts";

/** Rows that are read together: 196,608 bytes, which take far longer to copy than a system call. */
const rowsPerStretch = 64;

/**
 * Images of an order that stays among neighboring rows for a while, such as a blocked shuffle. It reads stretches of
 * neighbors instead of single rows, and keeps as many as the order moves among. A new stretch replaces the one that was
 * read first.
 */
export class StretchCache {
  readonly #store: RowStore;
  readonly #images: Uint8Array;
  /** Whether the image of each row of each frame was read. A stretch may extend over several shards. */
  readonly #isRead: Uint8Array;
  /** The frame that holds a stretch, and the stretch that a frame holds. */
  readonly #frames = new Map<number, number>();
  readonly #stretches: number[] = [];
  readonly #numFrames: number;
  #oldest = 0;

  /** @param numStretches - how many to keep */
  constructor(store: RowStore, numStretches: number) {
    this.#store = store;
    this.#numFrames = numStretches;
    this.#images = new Uint8Array(numStretches * rowsPerStretch * imageBytes);
    this.#isRead = new Uint8Array(numStretches * rowsPerStretch);
  }

  isKept(): boolean {
    return false;
  }

  readImage(_slot: number, row: number, index: number, images: Uint8Array): void {
    const stretch = Math.floor(row / rowsPerStretch);
    const frame = this.#frames.get(stretch) ?? this.#replaceOldest(stretch);
    const position = frame * rowsPerStretch + (row - stretch * rowsPerStretch);
    if (this.#isRead[position] === 0) this.#read(row, stretch, frame);
    images.set(imageAt(this.#images, position), index * imageBytes);
  }

  #replaceOldest(stretch: number): number {
    const frame = this.#oldest;
    this.#oldest = (frame + 1) % this.#numFrames;
    const replaced = this.#stretches[frame];
    if (replaced !== undefined) this.#frames.delete(replaced);
    this.#stretches[frame] = stretch;
    this.#frames.set(stretch, frame);
    this.#isRead.fill(0, frame * rowsPerStretch, (frame + 1) * rowsPerStretch);
    return frame;
  }

  #read(row: number, stretch: number, frame: number): void {
    const start = stretch * rowsPerStretch;
    const first = frame * rowsPerStretch;
    const target = this.#images.subarray(first * imageBytes, (first + rowsPerStretch) * imageBytes);
    const read = this.#store.readNeighbors(row, { start, end: start + rowsPerStretch }, target);
    this.#isRead.fill(1, first + read.start - start, first + read.end - start);
  }
}

/** How many loaders' worth of images may be read for the images of one: beyond it, single rows are cheaper. */
const maxReaders = 4;

/**
 * The number of stretches that an order moves among, or undefined if single rows should be read: if the rows are mixed
 * over the whole split, if too many ranks and threads share them, or if the stretches do not fit into memory.
 * @param pool.poolSize - rows of the pool
 * @param pool.isWhole - whether the order serves all rows of the split, none left out
 * @param pool.memoryBytes - for the images of all threads of this process
 */
export function planStretches(
  { shuffle, batchSize, worldSize, numWorkers }: ResolvedOptions,
  pool: { readonly poolSize: number; readonly isWhole: boolean; readonly memoryBytes: number },
): number | undefined {
  const numThreads = Math.max(1, numWorkers);
  if (!pool.isWhole || shuffle.kind === "full" || worldSize * numThreads > maxReaders) return undefined;
  const { blockRows, windowBlocks } = shuffle.kind === "blocked" ? shuffle : { blockRows: batchSize, windowBlocks: 1 };
  if (shuffle.kind === "blocked" && blockRows < rowsPerStretch) return undefined;
  // A block may begin and end within a stretch.
  const perBlock = Math.ceil(blockRows / rowsPerStretch) + 1;
  const numStretches = perBlock * Math.min(windowBlocks, Math.ceil(pool.poolSize / blockRows));
  return numStretches * rowsPerStretch * imageBytes * numThreads <= pool.memoryBytes ? numStretches : undefined;
}
