import { argmax } from "../core/argmax.ts";

/** Number of bins of equal width for confidences. */
const numBins = 15;

/**
 * The temperature that calibrates probabilities: the divisor of the logits with the smallest mean negative log-likelihood.
 * @param probabilities - softmax of the logits, [n, numClasses] flattened; they determine the logits up to a constant
 * @param labels - the true classes, [n], at least one
 * @returns a number from 0.05 to 20; 0.05 where every image is classified right
 * @see Guo et al. 2017, arXiv:1706.04599, section 4.2
 */
export function fitTemperature(probabilities: Float32Array, labels: Uint8Array): number {
  const logits = probabilities.map((probability) => Math.log(Math.max(probability, 1e-30)));
  // As a function of 1 / temperature, the likelihood has one maximum. Golden-section search finds it.
  const ratio = (Math.sqrt(5) - 1) / 2;
  let [low, high] = [Math.log(0.05), Math.log(20)];
  while (high - low > 1e-4) {
    const [left, right] = [high - ratio * (high - low), low + ratio * (high - low)];
    if (meanLoss(logits, labels, Math.exp(left)) < meanLoss(logits, labels, Math.exp(right))) high = right;
    else low = left;
  }
  return Math.exp((low + high) / 2);
}

/** Mean negative log-likelihood of the labels at a temperature. */
function meanLoss(logits: Float32Array, labels: Uint8Array, temperature: number): number {
  const numClasses = logits.length / labels.length;
  let total = 0;
  for (const [index, label] of labels.entries()) {
    const row = logits.subarray(index * numClasses, (index + 1) * numClasses);
    const largest = Math.max(...row);
    const sum = row.reduce((partial, logit) => partial + Math.exp((logit - largest) / temperature), 0);
    total += Math.log(sum) - (row[label]! - largest) / temperature;
  }
  return total / labels.length;
}

/**
 * Expected calibration error: the absolute difference between mean confidence and accuracy in each of 15 bins of
 * confidence, weighted by the number of images in the bin.
 * @param probabilities - [n, numClasses] flattened
 * @param labels - the true classes, [n], at least one
 * @returns in [0, 1], 0 for perfect calibration
 * @see Guo et al. 2017, arXiv:1706.04599, eq. 3
 */
export function expectedCalibrationError(probabilities: Float32Array, labels: Uint8Array): number {
  const numClasses = probabilities.length / labels.length;
  const excess = new Float64Array(numBins);
  for (const [index, label] of labels.entries()) {
    const row = probabilities.subarray(index * numClasses, (index + 1) * numClasses);
    const best = argmax(row);
    const confidence = row[best]!;
    excess[Math.min(numBins - 1, Math.floor(confidence * numBins))]! += confidence - Number(best === label);
  }
  return excess.reduce((sum, value) => sum + Math.abs(value), 0) / labels.length;
}

/**
 * Fraction of the images whose most probable class is their label.
 * @param probabilities - [n, numClasses] flattened
 * @param labels - the true classes, [n], at least one
 */
export function accuracyOf(probabilities: Float32Array, labels: Uint8Array): number {
  const numClasses = probabilities.length / labels.length;
  const right = labels.filter(
    (label, index) => argmax(probabilities.subarray(index * numClasses, (index + 1) * numClasses)) === label,
  );
  return right.length / labels.length;
}
