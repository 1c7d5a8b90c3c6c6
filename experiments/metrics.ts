import { argmax } from "../core/argmax.ts";
import type { RunOptions } from "./run-options.ts";

/** How well a network classifies some images. */
export interface Metrics {
  /** The training loss, without augmentation; the mean over the images. */
  readonly loss: number;
  /** Fraction of the images whose most probable class is not their label. */
  readonly error: number;
  /**
   * mean(1 − p(label)). Trained by cross-entropy, p is the softmax of the outputs; trained by squared error, the outputs
   * themselves estimate probabilities, and p(label) is the label's output, limited to [0, 1].
   */
  readonly softError: number;
}

/**
 * Metrics of a network's outputs, in double precision.
 * @param outputs - [N, K] flattened
 * @param labels - [N], each in [0, K)
 * @param numClasses - K
 * @see Nakkiran, Neyshabur, Sedghi 2021, arXiv:2010.08127, section 3.1 for the soft error
 */
export function metricsOf(
  outputs: Float32Array,
  labels: Int32Array,
  numClasses: number,
  loss: RunOptions["loss"],
): Metrics {
  const lossOf = { "cross-entropy": crossEntropy, mse: squaredError }[loss];
  let [totalLoss, numWrong, totalSoftError] = [0, 0, 0];
  for (const [image, label] of labels.entries()) {
    const row = outputs.subarray(image * numClasses, (image + 1) * numClasses);
    const measured = lossOf(row, label);
    totalLoss += measured.loss;
    totalSoftError += measured.softError;
    if (argmax(row) !== label) numWrong++;
  }
  const numImages = labels.length;
  return { loss: totalLoss / numImages, error: numWrong / numImages, softError: totalSoftError / numImages };
}

type Measured = Pick<Metrics, "loss" | "softError">;

function crossEntropy(logits: Float32Array, label: number): Measured {
  const highest = logits[argmax(logits)]!;
  const weights = Float64Array.from(logits, (value) => Math.exp(value - highest));
  const sum = weights.reduce((total, weight) => total + weight, 0);
  // Summed up instead of subtracted from 1, so that a soft error near 0 keeps its digits.
  weights[label] = 0;
  const rest = weights.reduce((total, weight) => total + weight, 0);
  return { loss: highest + Math.log(sum) - logits[label]!, softError: rest / sum };
}

/** The loss is the sum over the classes of (output − one-hot)², as in the paper's code. */
function squaredError(outputs: Float32Array, label: number): Measured {
  const total = outputs.reduce((sum, output, index) => sum + (output - (index === label ? 1 : 0)) ** 2, 0);
  return { loss: total, softError: 1 - Math.min(1, Math.max(0, outputs[label]!)) };
}
