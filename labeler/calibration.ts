import { argmax } from "../core/argmax.ts";

/** Number of bins of equal width for confidences. */
const numBins = 15;

/** Errors that a temperature is fitted to, at least: without errors, the likelihood is highest for the least temperature. */
const fewestErrors = 10;

/**
 * The temperature that calibrates probabilities: the divisor of the logits with the smallest mean negative log-likelihood.
 * @param probabilities - softmax of the logits, [n, numClasses] flattened; they determine the logits up to a constant
 * @param labels - the true classes, [n], at least one
 * @returns a number from 0.05 to 20; 1 where fewer than 10 images are classified wrong, which says too little
 * @see Guo et al. 2017, arXiv:1706.04599, section 4.2
 */
export function fitTemperature(probabilities: Float32Array, labels: Uint8Array): number {
  if (labels.length - countRight(probabilities, labels) < fewestErrors) return 1;
  const logits = probabilities.map((probability) => Math.log(Math.max(probability, 1e-30)));
  // As a function of 1 / temperature, the likelihood has one maximum. Golden-section search finds it.
  const ratio = (Math.sqrt(5) - 1) / 2;
  let [low, high] = [Math.log(0.05), Math.log(20)];
  while (high - low > 1e-4) {
    const [left, right] = [high - ratio * (high - low), low + ratio * (high - low)];
    if (meanLoss(logits, labels, Math.exp(left)) <= meanLoss(logits, labels, Math.exp(right))) high = right;
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

/** Images whose confidences lie in one bin. */
export interface CalibrationBin {
  readonly count: number;
  readonly confidenceSum: number;
  /** Images of which it is known whether their label is right. */
  readonly numJudged: number;
  readonly numRight: number;
}

/**
 * Counts images in 15 bins of equal width of confidence, from 0 to 1.
 * @param isRight - whether the label of an image is right; undefined if nobody knows
 */
export function calibrationBins(
  confidences: Float32Array,
  isRight: (index: number) => boolean | undefined,
): CalibrationBin[] {
  const bins = Array.from({ length: numBins }, () => ({ count: 0, confidenceSum: 0, numJudged: 0, numRight: 0 }));
  for (const [index, confidence] of confidences.entries()) {
    const bin = bins[Math.min(numBins - 1, Math.floor(confidence * numBins))]!;
    bin.count++;
    bin.confidenceSum += confidence;
    const right = isRight(index);
    if (right === undefined) continue;
    bin.numJudged++;
    if (right) bin.numRight++;
  }
  return bins;
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
  const { found, confidences } = classify(probabilities, labels.length);
  const bins = calibrationBins(confidences, (index) => found[index] === labels[index]);
  return bins.reduce((sum, { confidenceSum, numRight }) => sum + Math.abs(confidenceSum - numRight), 0) / labels.length;
}

/**
 * Fraction of the images whose most probable class is their label.
 * @param probabilities - [n, numClasses] flattened
 * @param labels - the true classes, [n], at least one
 */
export function accuracyOf(probabilities: Float32Array, labels: Uint8Array): number {
  return countRight(probabilities, labels) / labels.length;
}

/** Fraction of the images whose most probable class is not their label. Parameters as `accuracyOf`. */
export function errorOf(probabilities: Float32Array, labels: Uint8Array): number {
  return (labels.length - countRight(probabilities, labels)) / labels.length;
}

function countRight(probabilities: Float32Array, labels: Uint8Array): number {
  const { found } = classify(probabilities, labels.length);
  return labels.filter((label, index) => found[index] === label).length;
}

/** The most probable class of each of n images, and its probability. @param probabilities - [n, numClasses] flattened */
export function classify(
  probabilities: Float32Array,
  numImages: number,
): { readonly found: Uint8Array; readonly confidences: Float32Array } {
  const numClasses = probabilities.length / numImages;
  const found = new Uint8Array(numImages);
  const confidences = new Float32Array(numImages);
  for (let index = 0; index < numImages; index++) {
    const row = probabilities.subarray(index * numClasses, (index + 1) * numClasses);
    found[index] = argmax(row);
    confidences[index] = row[found[index]!]!;
  }
  return { found, confidences };
}
