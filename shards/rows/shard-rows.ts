import { imageAt, imageBytes } from "../../core/image-layout.ts";
import type { FileSource } from "../arrow/byte-source.ts";
import type { ShardEntry } from "../format/manifest.ts";
import type { ExtraValues } from "./extra-columns.ts";
import {
  type IdsAndLabels,
  type OpenShard,
  openShard,
  positionOf,
  readIdOrLabel,
  readIdsAndLabels,
  readLabels,
  readShardColumn,
  rowsLeftInBatch,
} from "./open-shard.ts";
import type { Samples } from "./samples.ts";

/** Number of rows that are read one by one before all ids and labels of the shard are read at once. */
const maxSingleReads = 64;

/** The rows of one shard, with a cache of some of them in memory. Throws `table/…`, `shard/…`, `disk/…`. */
export class ShardRows {
  readonly #open: () => FileSource;
  readonly #numClasses: number;
  readonly #shard: OpenShard;
  readonly #keepsImages: boolean;
  readonly #onResident: (() => void) | undefined;
  /** Uint8, shape [R, 32, 32, 3] flattened. */
  #images: Uint8Array | undefined;
  #numSingleReads = 0;
  #idsAndLabels: IdsAndLabels | undefined;
  #classes: Int32Array | undefined;
  #confidences: Float32Array | undefined;

  /**
   * @param options.open - opens the shard's file, again if it was closed
   * @param options.keepsImages - read all images when one is asked for, and keep them
   * @param options.onResident - called when all images are in memory
   * @param options.keepsIds - read all ids and labels now: the file may be gone when an image comes from memory
   */
  constructor(options: {
    readonly open: () => FileSource;
    readonly entry: ShardEntry;
    readonly numClasses: number;
    readonly keepsImages: boolean;
    readonly onResident?: (() => void) | undefined;
    readonly keepsIds: boolean;
  }) {
    const { open, entry, numClasses, keepsIds } = options;
    this.#open = open;
    this.#numClasses = numClasses;
    this.#keepsImages = options.keepsImages;
    this.#onResident = options.onResident;
    this.#shard = openShard(open(), entry, numClasses);
    if (keepsIds) this.#idsAndLabels = readIdsAndLabels(open(), this.#shard, numClasses);
  }

  get numRows(): number {
    return this.#shard.rows;
  }

  /** Whether images are in memory. */
  get isResident(): boolean {
    return this.#images !== undefined;
  }

  /** All labels. If they are not in memory yet, they are not kept there, like ids and confidences below. */
  readLabels(): IdsAndLabels["labels"] {
    return this.#idsAndLabels?.labels ?? readLabels(this.#open(), this.#shard, this.#numClasses);
  }

  /** All ids. */
  readIds(): Float64Array {
    return this.#idsAndLabels?.ids ?? readShardColumn(this.#open(), this.#shard, "id");
  }

  /** All confidences. */
  readConfidences(): Float32Array {
    return this.#confidences ?? readShardColumn(this.#open(), this.#shard, "confidence");
  }

  /** Copies id and label of a row to index `index`. */
  copyIdAndLabel(row: number, index: number, samples: Samples): void {
    if (this.#idsAndLabels === undefined && this.#numSingleReads < maxSingleReads) {
      this.#numSingleReads++;
      const file = this.#open();
      samples.ids[index] = readIdOrLabel(file, this.#shard, "id", row, this.#numClasses);
      samples.labels[index] = readIdOrLabel(file, this.#shard, "label", row, this.#numClasses);
      return;
    }
    this.#idsAndLabels ??= readIdsAndLabels(this.#open(), this.#shard, this.#numClasses);
    const { ids, labels } = this.#idsAndLabels;
    samples.ids[index] = ids[row]!;
    samples.labels[index] = labels[row]!;
  }

  /** Copies the image of a row to index `index`. */
  copyImage(row: number, index: number, images: Uint8Array): void {
    const target = index * imageBytes;
    if (this.#keepsImages) {
      this.#images ??= this.#readAllImages();
      images.set(imageAt(this.#images, row), target);
      return;
    }
    const position = positionOf(this.#shard, "image", row, imageBytes);
    this.#open().readInto(position, images.subarray(target, target + imageBytes));
  }

  #readAllImages(): Uint8Array {
    const images = readShardColumn(this.#open(), this.#shard, "image");
    this.#onResident?.();
    return images;
  }

  /** Reads the images of neighboring rows, [numRows, 32, 32, 3], by as few reads as the file's parts allow. */
  readImages(firstRow: number, numRows: number, images: Uint8Array): void {
    let done = 0;
    while (done < numRows) {
      const row = firstRow + done;
      const count = Math.min(numRows - done, rowsLeftInBatch(this.#shard, row));
      const position = positionOf(this.#shard, "image", row, imageBytes);
      this.#open().readInto(position, images.subarray(done * imageBytes, (done + count) * imageBytes));
      done += count;
    }
  }

  /** Copies the requested columns of a row to index `index`. Probabilities are read from the file, others kept. */
  copyExtras(row: number, index: number, target: ExtraValues): void {
    if (target.classes !== undefined) {
      this.#classes ??= Int32Array.from(readShardColumn(this.#open(), this.#shard, "class"));
      target.classes[index] = this.#classes[row]!;
    }
    if (target.confidences !== undefined) {
      this.#confidences ??= readShardColumn(this.#open(), this.#shard, "confidence");
      target.confidences[index] = this.#confidences[row]!;
    }
    if (target.probabilities === undefined) return;
    const rowBytes = 4 * this.#numClasses;
    const { buffer, byteOffset } = target.probabilities;
    const position = positionOf(this.#shard, "probabilities", row, rowBytes);
    this.#open().readInto(position, new Uint8Array(buffer, byteOffset + index * rowBytes, rowBytes));
  }
}
