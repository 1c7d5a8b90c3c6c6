/**
 * Ids of the shuffles of a seed. The pool's shuffle orders the infinite regime; its first N rows are the subset of the
 * finite regime, so subsets of growing N are nested.
 */
export const poolShuffleId = 0;

/** Id of the shuffle of the subset in one epoch of the finite regime. */
export function epochShuffleId(epoch: number): number {
  return 1 + epoch;
}
