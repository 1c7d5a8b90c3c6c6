import { Cifar5mError } from "../../core/errors.ts";
import { imageChannels, imageSide } from "../../core/image-layout.ts";
import { once } from "../../core/once.ts";
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

/** The loop over a loader that TensorFlow.js began last. */
const loops = new WeakMap<Loader<ImageArray>, AsyncIterator<Batch<ImageArray>>>();

/**
 * Turns a loader into a `tf.data` data set for `model.fitDataset`. `xs`: the images, float32 (or int32, from bytes),
 * shape [B, 32, 32, 3] or [B, 3, 32, 32]. `ys`: the labels as probabilities, float32 [B, classes]: one-hot, or mixed by
 * mixup.
 *
 * Without `batchesPerEpoch`, each epoch of `fitDataset` is a loop: give it a loader of the finite regime without `epochs`,
 * which serves one of its epochs in each. With `batchesPerEpoch`, all epochs of a call share one loop: give it a loader with
 * `epochs`, or of the infinite regime. TensorFlow.js leaves a loop without a word, so its threads and files live until the
 * next loop over the same loader begins, or the data set is closed.
 * @param options.layout - of the loader; need not be given
 * @param options.numClasses - by default those of the loader's data set
 * @throws Cifar5mError `loader/out-of-range` for what is not a loader, for another layout than the loader's, and, when its
 *   batch is served, for a label that is not a class
 */
export function toTfDataset<Tensor, TfDataset>(
  tf: TensorFlowApi<Tensor, TfDataset>,
  loader: Loader<ImageArray>,
  options: { readonly layout?: ImageFormat["layout"]; readonly numClasses?: number } = {},
): TfDataset {
  if (typeof loader?.[Symbol.asyncIterator] !== "function" || loader.layout === undefined) {
    throw new Cifar5mError(
      "loader/out-of-range",
      `toTfDataset must get a loader, got ${String(loader)}. Pass what dataset.loader(options) returns.`,
    );
  }
  const { layout = loader.layout, numClasses = loader.numClasses } = options;
  if (layout !== loader.layout) {
    throw new Cifar5mError(
      "loader/out-of-range",
      `layout must be that of the loader, ${loader.layout}, got ${String(layout)}. Leave it out.`,
    );
  }
  const shape = layout === "NHWC" ? [imageSide, imageSide, imageChannels] : [imageChannels, imageSide, imageSide];
  const toTensors = (batch: Batch<ImageArray>) => {
    const numRows = batch.labels.length;
    const dtype = batch.images instanceof Uint8Array ? "int32" : "float32";
    return {
      // TensorFlow.js keeps the array, which a loader with reuseArrays fills again for the next batch.
      xs: tf.tensor(batch.images.slice(), [numRows, ...shape], dtype),
      ys: tf.tensor(labelProbabilities(batch, numClasses), [numRows, numClasses], "float32"),
    };
  };
  return tf.data.generator(() => {
    const batches = once(async () => {
      await loops.get(loader)?.return?.();
      const loop = loader[Symbol.asyncIterator]();
      loops.set(loader, loop);
      return loop;
    });
    return {
      async next() {
        const { done, value } = await (await batches()).next();
        return done === true ? { done, value: undefined } : { done: false, value: toTensors(value) };
      },
    };
  });
}

/**
 * The labels as probabilities: one-hot, or mixed by mixup.
 * @returns float32, shape [B, numClasses]
 * @throws Cifar5mError `loader/out-of-range` for a label that is not a class
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
