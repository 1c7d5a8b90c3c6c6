/** Round numbers from 0 to `end`, six at most, for an axis: multiples of 1, 2 or 5 times a power of ten. */
export function roundTicks(end: number): number[] {
  let step = 1;
  for (let power = 1; end / step > 5; power *= 10) {
    step = [2, 5, 10].map((factor) => factor * power).find((larger) => end / larger <= 5) ?? 10 * power;
  }
  return Array.from({ length: Math.floor(end / step) + 1 }, (_, index) => index * step);
}
