/** Values as people read them. */

/** The first digits of a hash, which tell it from any other. */
export function hashPrefix(hash: string): string {
  return hash.slice(0, 12);
}

/** `hashPrefix` with a sign that more follows. */
export function shortHash(hash: string): string {
  return `${hashPrefix(hash)}…`;
}

/** A number with commas between thousands: 50,000. */
export function formatCount(count: number): string {
  return count.toLocaleString("en");
}

/** A fraction of one as a percentage, by default with one digit after the point: 12.5%. */
export function formatPercent(fraction: number, digits = 1): string {
  return `${(100 * fraction).toFixed(digits)}%`;
}
