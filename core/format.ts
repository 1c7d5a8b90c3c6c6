/** Values as people read them. */

/** The first digits of a hash, which tell it from any other. */
export function shortHash(hash: string): string {
  return `${hash.slice(0, 12)}…`;
}

/** A number with commas between thousands: 50,000. */
export function formatCount(count: number): string {
  return count.toLocaleString("en");
}

/** A fraction of one as a percentage with one digit after the point: 12.5%. */
export function formatPercent(fraction: number): string {
  return `${(100 * fraction).toFixed(1)}%`;
}
