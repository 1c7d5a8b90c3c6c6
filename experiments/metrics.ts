import type { RunOptions } from "./run-options.ts";

/** How well a network classifies some images. */
export interface Metrics {
  /** The training loss, without augmentation; the mean over the images. */
  readonly loss: number;
  /** Fraction of the images whose most probable class is not their label. */
  readonly error: number;
  /** mean(1 − p(label)), p by softmax of the logits. */
  readonly softError: number;
}

/**
 * Metrics of logits, in double precision.
 * @param logits - [N, K] flattened
 * @param labels - [N], each in [0, K)
 * @param numClasses - K
 * @see Nakkiran, Neyshabur, Sedghi 2021, arXiv:2010.08127, section 3.1 for the soft error
 */
export function metricsOf(
  logits: Float32Array,
  labels: Int32Array,
  numClasses: number,
  loss: RunOptions["loss"],
): Metrics {
  let [totalLoss, numWrong, totalSoftError] = [0, 0, 0];
  for (const [image, label] of labels.entries()) {
    const row = logits.subarray(image * numClasses, (image + 1) * numClasses);
    const highest = row.reduce((most, value) => Math.max(most, value), Number.NEGATIVE_INFINITY);
    const weights = Float64Array.from(row, (value) => Math.exp(value - highest));
    const sum = weights.reduce((total, weight) => total + weight, 0);
    // Summed up instead of subtracted from 1, so that a soft error near 0 keeps its digits.
    weights[label] = 0;
    totalSoftError += weights.reduce((total, weight) => total + weight, 0) / sum;
    if (row.indexOf(highest) !== label) numWrong++;
    totalLoss += loss === "mse" ? squaredError(row, label) : highest + Math.log(sum) - row[label]!;
  }
  const numImages = labels.length;
  return { loss: totalLoss / numImages, error: numWrong / numImages, softError: totalSoftError / numImages };
}

/** Mean over the classes of (logit − one-hot)². */
function squaredError(logits: Float32Array, label: number): number {
  const total = logits.reduce((sum, logit, index) => sum + (logit - (index === label ? 1 : 0)) ** 2, 0);
  return total / logits.length;
}
