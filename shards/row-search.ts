/**
 * The interval that holds a value.
 * @param starts - first value of each interval, rising, `starts[0]` 0
 * @returns index of the last interval that starts at or below `value`
 */
export function findInterval(starts: Float64Array, value: number): number {
  let low = 0;
  let high = starts.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >>> 1;
    if (starts[middle]! <= value) low = middle;
    else high = middle - 1;
  }
  return low;
}
