import type { LabeledImages } from "../../core/image-layout.ts";
import {
  type CalibrationBin,
  calibrationBins,
  classify,
  errorOf,
  expectedCalibrationError,
} from "../../labeler/calibration.ts";
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
  const agrees = (row: number) => (classes[row]! < 0 ? undefined : classes[row] === labels[row]);
  const bins = calibrationBins(confidences, agrees);
  const sum = (key: "numRight" | "numJudged") => bins.reduce((total, bin) => total + bin[key], 0);
  for (const [row, label] of labels.entries()) {
    if (classes[row]! >= 0) table[classes[row]!]![label]!++;
  }
  const listed = [...isMislabeled.keys()]
    .filter((row) => isMislabeled[row] === 1)
    .sort((a, b) => confidences[b]! - classProbabilities[b]! - confidences[a]! + classProbabilities[a]! || a - b)
    .slice(0, numListed);
  return {
    ...(hasClasses ? { classAgainstLabel: table, agreement: sum("numRight") / sum("numJudged") } : {}),
    meanConfidence: mean(confidences),
    confidence: bins.map((bin) => ({
      count: bin.count,
      mean: meanConfidenceOf(bin),
      ...(bin.numJudged === 0 ? {} : { agreement: bin.numRight / bin.numJudged }),
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

/** Tests a labeler on CIFAR-10 test. @throws the signal's reason */
export async function testLabeler(
  labeler: Labeler,
  { images, labels }: LabeledImages,
  signal: AbortSignal,
): Promise<NonNullable<Audit["labels"]["labelerOnTest"]>> {
  const probabilities = await labeler.label(images, signal);
  const { found, confidences } = classify(probabilities, labels.length);
  return {
    count: labels.length,
    error: errorOf(probabilities, labels),
    meanConfidence: mean(confidences),
    expectedCalibrationError: expectedCalibrationError(probabilities, labels),
    bins: calibrationBins(confidences, (row) => found[row] === labels[row]).map((bin) => ({
      count: bin.count,
      mean: meanConfidenceOf(bin),
      accuracy: bin.count === 0 ? 0 : bin.numRight / bin.count,
    })),
  };
}

/** Rounding may make a mean of ones larger than 1. */
function meanConfidenceOf({ count, confidenceSum }: CalibrationBin): number {
  return count === 0 ? 0 : Math.min(1, confidenceSum / count);
}

function mean(values: Float32Array): number {
  return values.length === 0 ? 0 : Math.min(1, values.reduce((sum, value) => sum + value, 0) / values.length);
}
