import type { SampleOrder } from "../order/sample-order.ts";
import type { ExtraValues } from "../rows/extra-columns.ts";
import type { RowStore } from "../rows/row-store.ts";
import { allocateSamples, type ImageArray } from "../rows/samples.ts";
import { blend, CropMaps, cutOut } from "./augmentation.ts";
import { allocateBatch, type BatchArrays, firstRows } from "./batch.ts";
import { allocateImages, createImageWriter, type ImageWriter } from "./image-format.ts";
import { createLabelNoise } from "./label-noise.ts";
import type { LivePool } from "./live-pool.ts";
import type { ResolvedOptions } from "./loader-options.ts";
import { SampleRandoms } from "./sample-randoms.ts";
import type { SubsetCache } from "./subset-cache.ts";

/** A stretch of an epoch: the samples of one global batch. */
export interface BatchRange {
  readonly epoch: number;
  /** Position of the first sample. */
  readonly start: number;
  /** One past that of the last. */
  readonly end: number;
}

/** Where samples come from. */
export interface SampleSource {
  readonly store: RowStore;
  /** Rows of the store to serve, by pool index; undefined for all of them. */
  readonly rows: Uint32Array | undefined;
  readonly order: SampleOrder;
  readonly cache: SubsetCache | undefined;
}

/** Makes a rank's part of any global batch. Keeps nothing from one batch to the next but memory. */
export class BatchMaker {
  readonly #source: SampleSource;
  readonly #options: ResolvedOptions;
  readonly #numClasses: number;
  readonly #writer: ImageWriter | undefined;
  readonly #crops: CropMaps;
  readonly #draws: SampleRandoms;
  readonly #noisyLabel: ((id: number, label: number) => number) | undefined;
  /** One sample as stored, and one image as handed out. */
  readonly #stored = allocateSamples(1);
  readonly #other: ImageArray;

  constructor(source: SampleSource, options: ResolvedOptions, numClasses: number) {
    const { format, augmentation, labelNoise, seed } = options;
    this.#source = source;
    this.#options = options;
    this.#numClasses = numClasses;
    const isAsStored = format.dtype === "uint8" && format.layout === "NHWC";
    const isMoved = augmentation.flip || augmentation.crop !== undefined;
    if (!isAsStored || isMoved) this.#writer = createImageWriter(format);
    this.#crops = new CropMaps(augmentation);
    this.#draws = new SampleRandoms(seed);
    this.#other = allocateImages(format.dtype, 1);
    if (labelNoise !== undefined) this.#noisyLabel = createLabelNoise(labelNoise, numClasses);
  }

  /**
   * @param options.live - has the samples of the range that lie beyond the pool
   * @param options.room - arrays to write to, of a whole batch; new ones by default
   * @throws Cifar5mError `shard/…`, `table/…`, `disk/…`
   */
  make(
    { epoch, start, end }: BatchRange,
    { live, room }: { readonly live?: LivePool; readonly room?: BatchArrays | undefined } = {},
  ): BatchArrays {
    const { rank, worldSize } = this.#options;
    const numRows = Math.max(0, Math.ceil((end - start - rank) / worldSize));
    const batch =
      room === undefined ? allocateBatch(numRows, this.#options, this.#numClasses) : firstRows(room, numRows);
    for (let index = 0; index < numRows; index++) {
      const position = start + rank + index * worldSize;
      this.#serve({ epoch, start, end }, position, index, batch, live);
    }
    return batch;
  }

  /** Arrays for a whole batch of this rank. */
  room(): BatchArrays {
    const { batchSize, worldSize } = this.#options;
    return allocateBatch(Math.ceil(batchSize / worldSize), this.#options, this.#numClasses);
  }

  /** Positions whose samples `make` reads; some may come twice. */
  positionsOf({ epoch, start, end }: BatchRange): number[] {
    const { rank, worldSize, augmentation } = this.#options;
    const positions: number[] = [];
    for (let position = start + rank; position < end; position += worldSize) {
      positions.push(position);
      if (augmentation.mixup === undefined) continue;
      this.#draws.moveTo(epoch, position);
      positions.push(this.#partnerOf(position, start, end));
    }
    return positions;
  }

  /** Rows of the store that `make` reads and that are not in memory. */
  rowsOf(range: BatchRange): number[] {
    const { order, cache } = this.#source;
    const inPool = this.positionsOf(range).filter((position) => position < order.numSamples);
    const places = inPool.map((position) => this.#rowAt(range.epoch, position));
    return places.flatMap(({ slot, row }) => (cache?.isKept(slot) === true ? [] : [row]));
  }

  #serve(range: BatchRange, position: number, index: number, batch: BatchArrays, live: LivePool | undefined): void {
    const { epoch, start, end } = range;
    const { augmentation, format } = this.#options;
    if (this.#options.columns.length > 0) this.#readExtras(epoch, position, index, batch, live);
    if (this.#writer === undefined) {
      this.#read(epoch, position, index, batch as BatchArrays & { readonly images: Uint8Array }, live);
      if (augmentation.cutout !== undefined) {
        this.#draws.moveTo(epoch, position);
        cutOut(batch.images, index, augmentation.cutout.size, format.layout, this.#draws);
      }
      return;
    }
    this.#read(epoch, position, 0, this.#stored, live);
    batch.labels[index] = this.#stored.labels[0]!;
    batch.ids[index] = this.#stored.ids[0]!;
    this.#draws.moveTo(epoch, position);
    this.#write(batch.images, index);
    if (augmentation.mixup === undefined || batch.mixup === undefined) return;
    const weight = end - start === 1 ? 1 : this.#draws.mixupWeight(augmentation.mixup.alpha);
    const partner = this.#partnerOf(position, start, end);
    this.#read(epoch, partner, 0, this.#stored, live);
    this.#draws.moveTo(epoch, partner);
    this.#write(this.#other, 0);
    blend(batch.images as Float32Array, index, this.#other as Float32Array, weight);
    batch.mixup.labels[index] = this.#stored.labels[0]!;
    batch.mixup.weights[index] = weight;
  }

  /** The sample that one is blended with: another one of the global batch. The draws must stand at `position`. */
  #partnerOf(position: number, start: number, end: number): number {
    const numSamples = end - start;
    if (numSamples === 1) return position;
    return start + ((position - start + 1 + this.#draws.mixupPartner(numSamples - 1)) % numSamples);
  }

  /** The stored image, moved and converted, with a square cut out. */
  #write(images: ImageArray, index: number): void {
    const { augmentation, format } = this.#options;
    const rows = this.#crops.rows(this.#draws);
    const columns = this.#crops.columns(this.#draws, augmentation.flip);
    this.#writer?.write(this.#stored.images, rows, columns, images, index);
    if (augmentation.cutout !== undefined) {
      cutOut(images, index, augmentation.cutout.size, format.layout, this.#draws);
    }
  }

  #rowAt(epoch: number, position: number): { readonly slot: number; readonly row: number } {
    const { order, rows } = this.#source;
    const slot = order.slotAt(epoch, position);
    const row = order.rowAt(slot);
    return { slot, row: rows === undefined ? row : rows[row]! };
  }

  #read(
    epoch: number,
    position: number,
    index: number,
    target: { readonly images: Uint8Array; readonly labels: Int32Array; readonly ids: Float64Array },
    live: LivePool | undefined,
  ): void {
    const { store, cache, order } = this.#source;
    if (position >= order.numSamples && live !== undefined) {
      live.read(position, index, target);
    } else {
      const { slot, row } = this.#rowAt(epoch, position);
      if (cache === undefined) {
        store.readRow(row, index, target);
      } else {
        store.readFacts(row, index, target);
        cache.readImage(slot, row, index, target.images);
      }
    }
    if (this.#noisyLabel !== undefined) {
      target.labels[index] = this.#noisyLabel(target.ids[index]!, target.labels[index]!);
    }
  }

  #readExtras(epoch: number, position: number, index: number, target: ExtraValues, live: LivePool | undefined): void {
    if (position >= this.#source.order.numSamples && live !== undefined) {
      live.readExtras(position, index, target);
    } else {
      this.#source.store.readExtras(this.#rowAt(epoch, position).row, index, target);
    }
  }
}
