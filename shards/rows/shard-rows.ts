import { imageAt, imageBytes } from "../../core/image-layout.ts";
import type { FileSource } from "../arrow/byte-source.ts";
import type { ShardEntry } from "../format/manifest.ts";
import { type ExtraValues, type LoadedExtras, loadExtras } from "./extra-columns.ts";
import {
  type IdsAndLabels,
  type OpenShard,
  openShard,
  positionOf,
  readIdOrLabel,
  readIdsAndLabels,
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
  #numSingleReads = 0;
  #idsAndLabels: IdsAndLabels | undefined;
  #extras: LoadedExtras | undefined;

  /**
   * @param options.open - opens the shard's file, again if it was closed
   * @param options.isResident - read all images now
   * @param options.keepsIds - read all ids and labels now: the file may be gone when an image comes from memory
   */
  constructor(options: {
    readonly open: () => FileSource;
    readonly entry: ShardEntry;
    readonly numClasses: number;
    readonly isResident: boolean;
    readonly keepsIds: boolean;
  }) {
    const { open, entry, numClasses, isResident, keepsIds } = options;
    this.#open = open;
    this.#numClasses = numClasses;
    this.#shard = openShard(open(), entry, { numClasses, withImages: isResident });
    if (keepsIds) this.#idsAndLabels = readIdsAndLabels(open(), this.#shard, numClasses);
  }

  get numRows(): number {
    return this.#shard.rows;
  }

  /** Whether images are in memory. */
  get isResident(): boolean {
    return this.#shard.images !== undefined;
  }

  /** All ids and labels. */
  get idsAndLabels(): IdsAndLabels {
    this.#idsAndLabels ??= readIdsAndLabels(this.#open(), this.#shard, this.#numClasses);
    return this.#idsAndLabels;
  }

  /** All classes and confidences. */
  get extras(): LoadedExtras {
    this.#extras ??= loadExtras(this.#open(), this.#shard);
    return this.#extras;
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
    const { ids, labels } = this.#idsAndLabels ?? this.idsAndLabels;
    samples.ids[index] = ids[row]!;
    samples.labels[index] = labels[row]!;
  }

  /** Copies the image of a row to index `index`. */
  copyImage(row: number, index: number, images: Uint8Array): void {
    const target = index * imageBytes;
    const { images: resident } = this.#shard;
    if (resident !== undefined) {
      images.set(imageAt(resident, row), target);
      return;
    }
    const position = positionOf(this.#shard, "image", row, imageBytes);
    this.#open().readInto(position, images.subarray(target, target + imageBytes));
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

  /** Copies the requested columns of a row to index `index`. */
  copyExtras(row: number, index: number, target: ExtraValues): void {
    const { classes, confidences } = this.extras;
    if (target.classes !== undefined) target.classes[index] = classes[row]!;
    if (target.confidences !== undefined) target.confidences[index] = confidences[row]!;
    if (target.probabilities === undefined) return;
    const rowBytes = 4 * this.#numClasses;
    const { buffer, byteOffset } = target.probabilities;
    const position = positionOf(this.#shard, "probabilities", row, rowBytes);
    this.#open().readInto(position, new Uint8Array(buffer, byteOffset + index * rowBytes, rowBytes));
  }
}
