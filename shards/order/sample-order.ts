/** The order in which samples are served. Pure: the row served is a function of (seed, epoch, position). */
export interface SampleOrder {
  /** Number of samples of an epoch. */
  readonly numSamples: number;
  /**
   * The slot of the subset that is served at a position, in [0, numSamples). A finite epoch serves each slot once.
   * @param position - in [0, numSamples) of that epoch; not checked
   */
  slotAt(epoch: number, position: number): number;
  /** The row of the split that a slot refers to. */
  rowAt(slot: number): number;
}
