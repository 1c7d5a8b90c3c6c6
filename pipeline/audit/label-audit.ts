import { type LabeledImages, numCifar10Classes } from "../../core/image-layout.ts";
import { expectedCalibrationError } from "../../labeler/calibration.ts";
import type { Labeler } from "../../labeler/create-labeler.ts";
import type { Audit } from "./audit-report.ts";

/** Labels of audited rows, in order. */
export interface AuditedLabels {
  readonly ids: Float64Array;
  readonly labels: Uint8Array;
  /** Requested class; −1 for none. */
  readonly classes: Int16Array;
  readonly confidences: Float32Array;
  /** Probability of the requested class; 0 for none. */
  readonly classProbabilities: Float32Array;
}

/** Bins of equal width of confidence. */
const numBins = 15;
/** Images listed as mislabeled. */
const numListed = 50;

/**
 * Rows whose label confidently differs from their class: by confident learning, the probability of the label is at least
 * the mean probability that rows of that class have of it.
 * @returns 1 for each such row
 * @see Northcutt, Jiang and Chuang 2021, "Confident learning", eq. 1
 */
export function findMislabeled({ labels, classes, confidences, classProbabilities }: AuditedLabels): Uint8Array {
  const sums = new Float64Array(256);
  const counts = new Float64Array(256);
  for (const [row, wanted] of classes.entries()) {
    if (wanted < 0) continue;
    sums[wanted]! += classProbabilities[row]!;
    counts[wanted]! += 1;
  }
  return Uint8Array.from(labels, (label, row) => {
    if (classes[row]! < 0 || classes[row] === label || counts[label] === 0) return 0;
    return Number(confidences[row]! >= sums[label]! / counts[label]!);
  });
}

/** Figures of the labels; without the labeler's own test. */
export function summarizeLabels(
  audited: AuditedLabels,
  isMislabeled: Uint8Array,
  classNames: readonly string[],
): Omit<Audit["labels"], "labelerOnTest"> {
  const { ids, labels, classes, confidences, classProbabilities } = audited;
  const hasClasses = classes.some((wanted) => wanted >= 0);
  const table = classNames.map(() => classNames.map(() => 0));
  const bins = Array.from({ length: numBins }, () => ({ count: 0, sum: 0, agreeing: 0, asked: 0 }));
  let [agreeing, asked] = [0, 0];
  for (const [row, label] of labels.entries()) {
    const bin = bins[binOf(confidences[row]!)]!;
    bin.count++;
    bin.sum += confidences[row]!;
    const wanted = classes[row]!;
    if (wanted < 0) continue;
    table[wanted]![label]!++;
    bin.asked++;
    asked++;
    if (wanted !== label) continue;
    bin.agreeing++;
    agreeing++;
  }
  const listed = [...isMislabeled.keys()]
    .filter((row) => isMislabeled[row] === 1)
    .sort((a, b) => confidences[b]! - classProbabilities[b]! - confidences[a]! + classProbabilities[a]! || a - b)
    .slice(0, numListed);
  return {
    ...(hasClasses ? { classAgainstLabel: table, agreement: agreeing / asked } : {}),
    meanConfidence: mean(confidences),
    confidence: bins.map(({ count, sum, agreeing: right, asked: of }) => ({
      count,
      mean: count === 0 ? 0 : Math.min(1, sum / count),
      ...(of === 0 ? {} : { agreement: right / of }),
    })),
    mostLikelyMislabeled: listed.map((row) => ({
      id: ids[row]!,
      class: classNames[classes[row]!]!,
      label: classNames[labels[row]!]!,
      confidence: confidences[row]!,
      classProbability: classProbabilities[row]!,
    })),
  };
}

/** Tests a labeler on CIFAR-10 test. */
export async function testLabeler(
  labeler: Labeler,
  { images, labels }: LabeledImages,
  { signal, count }: { readonly signal: AbortSignal; readonly count: (images: number) => void },
): Promise<NonNullable<Audit["labels"]["labelerOnTest"]>> {
  const imageBytes = images.length / labels.length;
  const probabilities = new Float32Array(labels.length * numCifar10Classes);
  for (let start = 0; start < labels.length; start += labeler.batchSize) {
    signal.throwIfAborted();
    const batch = images.subarray(start * imageBytes, (start + labeler.batchSize) * imageBytes);
    probabilities.set(await labeler.label(batch), start * numCifar10Classes);
    count(batch.length / imageBytes);
  }
  const bins = Array.from({ length: numBins }, () => ({ count: 0, sum: 0, right: 0 }));
  const confidences = Float32Array.from(labels, (label, row) => {
    const ofRow = probabilities.subarray(row * numCifar10Classes, (row + 1) * numCifar10Classes);
    const confidence = Math.max(...ofRow);
    const bin = bins[binOf(confidence)]!;
    bin.count++;
    bin.sum += confidence;
    bin.right += Number(ofRow.indexOf(confidence) === label);
    return confidence;
  });
  return {
    count: labels.length,
    error: 1 - bins.reduce((sum, { right }) => sum + right, 0) / labels.length,
    meanConfidence: mean(confidences),
    expectedCalibrationError: expectedCalibrationError(probabilities, labels),
    bins: bins.map(({ count: of, sum, right }) => ({
      count: of,
      mean: of === 0 ? 0 : Math.min(1, sum / of),
      accuracy: of === 0 ? 0 : right / of,
    })),
  };
}

function binOf(confidence: number): number {
  return Math.min(numBins - 1, Math.floor(confidence * numBins));
}

function mean(values: Float32Array): number {
  return values.length === 0 ? 0 : Math.min(1, values.reduce((sum, value) => sum + value, 0) / values.length);
}
