/**
 * The interval that holds a value. It starts from a guess that is right if all intervals are equally long, as ours
 * nearly are.
 * @param starts - first value of each interval, rising, `starts[0]` 0
 * @param perValue - average number of intervals per unit of value: the guess is `value * perValue`
 * @returns index of the last interval that starts at or below `value`
 */
export function findInterval(starts: Float64Array, value: number, perValue: number): number {
  const last = starts.length - 1;
  let index = Math.min(last, Math.trunc(value * perValue));
  while (starts[index]! > value) index--;
  while (index < last && starts[index + 1]! <= value) index++;
  return index;
}
