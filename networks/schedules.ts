/** Rises from 0 to the peak over the first part of training, then falls to 0, both linearly. */
export function triangularSchedule(step: number, totalSteps: number, peak: number, warmUp: number): number {
  const progress = (step + 1) / (totalSteps + 1);
  return peak * (progress < warmUp ? progress / warmUp : (1 - progress) / (1 - warmUp));
}

/**
 * Decay of the weights' running average for a profile that grows with training: at every step the average reaches back
 * over about the same fraction of the steps so far.
 * @param exponent - larger ones reach back less; 6.94 stands for a relative deviation of 0.10
 * @see Karras et al. 2023, arXiv:2312.02696, eq. 127
 */
export function powerEmaDecay(step: number, exponent: number): number {
  return (1 - 1 / (step + 1)) ** (exponent + 1);
}
