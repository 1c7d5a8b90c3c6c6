import { imageBytes } from "../../core/image-layout.ts";
import { allocateExtras, type ExtraColumn, type ExtraValues } from "../rows/extra-columns.ts";
import type { ImageArray, Samples } from "../rows/samples.ts";
import { allocateImages, type ImageFormat } from "./image-format.ts";

/** The images that were blended into a batch. */
export interface Mixup {
  /** Labels of the images that were blended in, shape [B]. */
  readonly labels: Int32Array;
  /** Weight of the first image's label, in [0, 1]; the label in `labels` has the remaining weight. Shape [B]. */
  readonly weights: Float32Array;
}

/** The input of a model: this rank's part of a global batch. */
export interface Batch<Images extends ImageArray = Uint8Array> extends Samples<Images>, ExtraValues {
  readonly epoch: number;
  /** Number of global batches before this one since the start, over all epochs. */
  readonly step: number;
  /** Present if `augment.mixup` was requested. */
  readonly mixup?: Mixup;
}

/** The arrays of a batch. */
export type BatchArrays = Samples<ImageArray> & ExtraValues & { readonly mixup?: Mixup };

/** Allocates the arrays of a batch. */
export function allocateBatch(
  numRows: number,
  options: {
    readonly format: ImageFormat;
    readonly columns: readonly ExtraColumn[];
    readonly augmentation: { readonly mixup: unknown };
  },
  numClasses: number,
): BatchArrays {
  const { format, columns, augmentation } = options;
  const mixup = { labels: new Int32Array(numRows), weights: new Float32Array(numRows) };
  return {
    images: allocateImages(format.dtype, numRows),
    labels: new Int32Array(numRows),
    ids: new Float64Array(numRows),
    ...allocateExtras(columns, numRows, numClasses),
    ...(augmentation.mixup === undefined ? {} : { mixup }),
  };
}

/** The first rows of a batch; the result shares its memory. */
export function firstRows(batch: BatchArrays, numRows: number): BatchArrays {
  const { images, probabilities, mixup, ...vectors } = batch;
  const numClasses = (probabilities?.length ?? 0) / Math.max(1, batch.ids.length);
  const cut = Object.entries(vectors).map(([name, values]) => [name, values.subarray(0, numRows)]);
  return {
    ...(Object.fromEntries(cut) as typeof vectors),
    images: images.subarray(0, numRows * imageBytes),
    ...(probabilities === undefined ? {} : { probabilities: probabilities.subarray(0, numRows * numClasses) }),
    ...(mixup === undefined
      ? {}
      : { mixup: { labels: mixup.labels.subarray(0, numRows), weights: mixup.weights.subarray(0, numRows) } }),
  };
}
