/** Columns that a loader serves only on request. */
export const extraColumnNames = ["class", "confidence", "probabilities"] as const;
export type ExtraColumn = (typeof extraColumnNames)[number];

/** Values of these columns for some samples. Columns that were not requested are missing. */
export interface ExtraValues {
  /** Conditioning class, −1 for none; shape [B]. */
  readonly classes?: Int32Array;
  /** Probability that the labeler gave the label, float32, shape [B]. */
  readonly confidences?: Float32Array;
  /** float32, shape [B, classes]. */
  readonly probabilities?: Float32Array;
}

/** Allocates arrays for the requested columns. */
export function allocateExtras(columns: readonly ExtraColumn[], numRows: number, numClasses: number): ExtraValues {
  return {
    ...(columns.includes("class") ? { classes: new Int32Array(numRows) } : {}),
    ...(columns.includes("confidence") ? { confidences: new Float32Array(numRows) } : {}),
    ...(columns.includes("probabilities") ? { probabilities: new Float32Array(numRows * numClasses) } : {}),
  };
}
