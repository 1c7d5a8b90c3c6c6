import { Cifar5mError } from "../../core/errors.ts";
import { imageChannels, imageSide } from "../../core/image-layout.ts";
import type { Batch } from "../loader/batch.ts";
import type { ImageFormat } from "../loader/image-format.ts";
import type { Loader } from "../loader/loader.ts";
import type { ImageArray } from "../rows/samples.ts";

/** The part of TensorFlow.js that is used: `@tensorflow/tfjs`, `tfjs-node` or `tfjs-node-gpu`. */
export interface TensorFlowApi<Tensor, TfDataset> {
  tensor(values: ImageArray, shape: number[], dtype: "float32" | "int32"): Tensor;
  readonly data: {
    generator(make: () => AsyncIterator<{ xs: Tensor; ys: Tensor }>): TfDataset;
  };
}

/**
 * Turns a loader into a `tf.data` data set for `model.fitDataset`. `xs`: the images, float32 (or int32, from bytes),
 * shape [B, 32, 32, 3] or [B, 3, 32, 32]. `ys`: the labels as probabilities, float32 [B, classes]: one-hot, or mixed by
 * mixup.
 *
 * Each epoch of `fitDataset` is a loop. A loader without `epochs` serves one of its epochs in each. With a loader of the
 * infinite regime, or one with `epochs`, give `fitDataset` the number of `batchesPerEpoch` too.
 * @param options.layout - layout of the loader, `NHWC` by default
 * @param options.numClasses - default 10
 * @throws Cifar5mError `loader/out-of-range` for a label that is no class, when its batch is served
 */
export function toTfDataset<Tensor, TfDataset>(
  tf: TensorFlowApi<Tensor, TfDataset>,
  loader: Loader<ImageArray>,
  options: { readonly layout?: ImageFormat["layout"]; readonly numClasses?: number } = {},
): TfDataset {
  const { layout = "NHWC", numClasses = 10 } = options;
  const shape = layout === "NHWC" ? [imageSide, imageSide, imageChannels] : [imageChannels, imageSide, imageSide];
  return tf.data.generator(async function* () {
    for await (const batch of loader) {
      const numRows = batch.labels.length;
      const dtype = batch.images instanceof Uint8Array ? "int32" : "float32";
      yield {
        // TensorFlow.js keeps the array, which a loader with reuseArrays fills again for the next batch.
        xs: tf.tensor(batch.images.slice(), [numRows, ...shape], dtype),
        ys: tf.tensor(labelProbabilities(batch, numClasses), [numRows, numClasses], "float32"),
      };
    }
  });
}

/**
 * The labels as probabilities: one-hot, or mixed by mixup.
 * @returns float32, shape [B, numClasses]
 * @throws Cifar5mError `loader/out-of-range` for a label that is no class
 */
export function labelProbabilities(batch: Pick<Batch, "labels" | "mixup">, numClasses: number): Float32Array {
  const { labels, mixup } = batch;
  const probabilities = new Float32Array(labels.length * numClasses);
  const give = (row: number, label: number, weight: number) => {
    if (label >= numClasses) {
      throw new Cifar5mError(
        "loader/out-of-range",
        `numClasses must be more than every label, and a label is ${label}; got ${numClasses}. Pass the number of the set's classes.`,
      );
    }
    probabilities[row * numClasses + label]! += weight;
  };
  for (const [row, label] of labels.entries()) {
    const weight = mixup?.weights[row] ?? 1;
    give(row, label, weight);
    if (mixup !== undefined) give(row, mixup.labels[row]!, 1 - weight);
  }
  return probabilities;
}
