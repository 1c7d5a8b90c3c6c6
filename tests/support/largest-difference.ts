/** The largest absolute difference between values at the same position; infinite if one list is longer. */
export function largestDifference(left: ArrayLike<number>, right: ArrayLike<number>): number {
  if (left.length !== right.length) return Number.POSITIVE_INFINITY;
  return Math.max(...Array.from(left, (value, index) => Math.abs(value - right[index]!)));
}
