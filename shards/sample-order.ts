/** In which order samples are served. Pure: which row is served is a function of (seed, epoch, position). */
export interface SampleOrder {
  /** Samples of an epoch. */
  readonly numSamples: number;
  /**
   * Which sample of the subset is served, in [0, numSamples): finite epochs serve each once.
   * @param position - in [0, numSamples) of that epoch; not checked
   */
  slotAt(epoch: number, position: number): number;
  /** The row of the split that a slot stands for. */
  rowAt(slot: number): number;
}

/**
 * Ids of the permutations of a seed. The pool permutation orders the infinite regime; its first N rows are the subset
 * of the finite regime, so subsets of growing N are nested.
 */
export const poolPermutationId = 0;

/** Id of the permutation that shuffles the subset in one epoch of the finite regime. */
export function epochPermutationId(epoch: number): number {
  return 1 + epoch;
}
