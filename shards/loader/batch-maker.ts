import { allocateSamples, type ImageArray } from "../rows/samples.ts";
import { blend } from "./augmentation.ts";
import { allocateBatch, type BatchArrays, firstRows } from "./batch.ts";
import { allocateImages } from "./image-format.ts";
import { ImageTransform } from "./image-transform.ts";
import type { LivePool } from "./live-pool.ts";
import type { ResolvedOptions } from "./resolve-options.ts";
import { SampleRandoms } from "./sample-randoms.ts";
import { SampleReader, type SampleSource } from "./sample-reader.ts";

/** A range of positions of an epoch: the samples of one global batch. */
export interface BatchRange {
  readonly epoch: number;
  /** Position of the first sample. */
  readonly start: number;
  /** One past the position of the last sample. */
  readonly end: number;
}

/** Makes a rank's part of any global batch. Between batches it keeps only its allocated memory. */
export class BatchMaker {
  readonly #options: ResolvedOptions;
  readonly #numClasses: number;
  readonly #reader: SampleReader;
  readonly #transform: ImageTransform;
  readonly #randoms: SampleRandoms;
  /** One stored sample, and the image that another one is blended with. */
  readonly #stored = allocateSamples(1);
  readonly #partner: ImageArray;

  constructor(source: SampleSource, options: ResolvedOptions, numClasses: number) {
    const { format, augmentation, labelNoise, seed } = options;
    this.#options = options;
    this.#numClasses = numClasses;
    this.#reader = new SampleReader(source, labelNoise, numClasses);
    this.#transform = new ImageTransform(format, augmentation);
    this.#randoms = new SampleRandoms(seed);
    this.#partner = allocateImages(format.dtype, 1);
  }

  /**
   * @param options.live - holds the samples of the range that are beyond the pool
   * @param options.out - arrays of a whole batch to write to; new arrays by default
   * @throws Cifar5mError `shard/…`, `table/…`, `disk/…`
   */
  make(
    { epoch, start, end }: BatchRange,
    { live, out }: { readonly live?: LivePool; readonly out?: BatchArrays | undefined } = {},
  ): BatchArrays {
    const { rank, worldSize } = this.#options;
    const numRows = Math.max(0, Math.ceil((end - start - rank) / worldSize));
    const batch = out === undefined ? allocateBatch(numRows, this.#options, this.#numClasses) : firstRows(out, numRows);
    for (let index = 0; index < numRows; index++) {
      const position = start + rank + index * worldSize;
      this.#serve({ epoch, start, end }, position, index, batch, live);
    }
    return batch;
  }

  /** Allocates arrays for a whole batch of this rank. */
  allocate(): BatchArrays {
    const { batchSize, worldSize } = this.#options;
    return allocateBatch(Math.ceil(batchSize / worldSize), this.#options, this.#numClasses);
  }

  /** Positions of the samples that `make` reads. A position may occur twice. */
  positionsOf({ epoch, start, end }: BatchRange): number[] {
    const { rank, worldSize, augmentation } = this.#options;
    const positions: number[] = [];
    for (let position = start + rank; position < end; position += worldSize) {
      positions.push(position);
      if (augmentation.mixup === undefined) continue;
      this.#randoms.moveTo(epoch, position);
      positions.push(this.#partnerOf(position, start, end));
    }
    return positions;
  }

  /** Rows of the store that `make` reads and that are not in memory. */
  rowsOf(range: BatchRange): number[] {
    return this.#reader.rowsToRead(range.epoch, this.positionsOf(range), this.#options.columns.length > 0);
  }

  #serve(range: BatchRange, position: number, index: number, batch: BatchArrays, live: LivePool | undefined): void {
    const { epoch, start, end } = range;
    const { augmentation, columns } = this.#options;
    if (columns.length > 0) this.#reader.readExtras(epoch, position, index, batch, live);
    if (this.#transform.keepsBytes) {
      this.#reader.read(epoch, position, index, batch as BatchArrays & { readonly images: Uint8Array }, live);
      if (augmentation.cutout === undefined) return;
      this.#randoms.moveTo(epoch, position);
      this.#transform.cutOut(batch.images, index, this.#randoms);
      return;
    }
    this.#readAndTransform(epoch, position, batch.images, index, live);
    batch.labels[index] = this.#stored.labels[0]!;
    batch.ids[index] = this.#stored.ids[0]!;
    if (augmentation.mixup === undefined || batch.mixup === undefined) return;
    const weight = end - start === 1 ? 1 : this.#randoms.mixupWeight(augmentation.mixup.alpha);
    this.#readAndTransform(epoch, this.#partnerOf(position, start, end), this.#partner, 0, live);
    blend(batch.images as Float32Array, index, this.#partner as Float32Array, weight);
    batch.mixup.labels[index] = this.#stored.labels[0]!;
    batch.mixup.weights[index] = weight;
  }

  /** Reads a sample into `#stored`, and moves the random numbers to its position. */
  #readAndTransform(
    epoch: number,
    position: number,
    images: ImageArray,
    index: number,
    live: LivePool | undefined,
  ): void {
    this.#reader.read(epoch, position, 0, this.#stored, live);
    this.#randoms.moveTo(epoch, position);
    this.#transform.write(this.#stored.images, images, index, this.#randoms);
  }

  /** The position of the sample to blend with, from the same global batch. The random numbers must be at `position`. */
  #partnerOf(position: number, start: number, end: number): number {
    const numSamples = end - start;
    if (numSamples === 1) return position;
    return start + ((position - start + 1 + this.#randoms.mixupPartner(numSamples - 1)) % numSamples);
  }
}
