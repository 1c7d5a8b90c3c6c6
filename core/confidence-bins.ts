/** Number of bins of a histogram of confidences, of equal width over [0, 1]. */
export const numBins = 20;

/** The bin of a confidence. Values out of range, which no set of ours has, count at the ends. */
export function binOf(confidence: number): number {
  const bin = (confidence * numBins) | 0;
  return bin < 0 ? 0 : bin >= numBins ? numBins - 1 : bin;
}
