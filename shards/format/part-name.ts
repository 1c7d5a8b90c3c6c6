/** Parts whose names are plain numbers. */
const numPlain = 100_000;

/**
 * The number of a part in its file name. Readers that take all files sort the names, so the names of rising numbers
 * must rise too: 00000 … 99999, x100000 … x999999, y1000000 …, z10000000 …. A name does not depend on how many parts
 * there are, so it stays when a set grows.
 * @param part - integer in [0, 10⁸)
 */
export function nameOfPart(part: number): string {
  if (part < numPlain) return String(part).padStart(5, "0");
  const digits = String(part);
  return "xyz"[digits.length - 6] + digits;
}
