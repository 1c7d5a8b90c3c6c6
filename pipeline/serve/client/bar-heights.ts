/**
 * Heights of the bars of some sets: the share of the set's rows in each bin, on one scale for all sets, so that sets of
 * different sizes compare.
 * @param sets - counts by bin; undefined for a set that is not shown
 * @param height - of the highest bar, in units of the drawing
 * @returns heights by set and bin, in the same units; a bin with anything in it is one unit high at least
 */
export function barHeights(
  sets: readonly (ArrayLike<number> | undefined)[],
  height: number,
): readonly (readonly number[])[] {
  // Array.from also visits the sets that are missing.
  const shares = Array.from(sets, (counts) => {
    const values = Array.from(counts ?? []);
    const numRows = values.reduce((sum, count) => sum + count, 0);
    return values.map((count) => count / Math.max(1, numRows));
  });
  const largest = Math.max(...shares.flat(), Number.MIN_VALUE);
  return shares.map((ofSet) => ofSet.map((share) => (share === 0 ? 0 : Math.max(1, (share / largest) * height))));
}
