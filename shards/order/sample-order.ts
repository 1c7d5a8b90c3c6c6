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
