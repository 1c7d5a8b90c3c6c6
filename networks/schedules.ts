/**
 * A learning rate that rises linearly from 0 to `peak` and then falls linearly to 0.
 * @param step - from 0
 * @param warmupFraction - the fraction of training in which it rises, in (0, 1)
 * @see Smith and Topin 2017, arXiv:1708.07120, without their last phase
 */
export function triangularSchedule(step: number, totalSteps: number, peak: number, warmupFraction: number): number {
  const progress = (step + 1) / (totalSteps + 1);
  return peak * (progress < warmupFraction ? progress / warmupFraction : (1 - progress) / (1 - warmupFraction));
}

/**
 * EMA decay for the power-function profile of EDM2: the averaging window is a constant fraction of the steps so far.
 * @param exponent - a larger exponent gives a shorter window; 6.94 gives a relative standard deviation of 0.10
 * @see Karras et al. 2023, arXiv:2312.02696, eq. 127
 */
export function powerEmaDecay(step: number, exponent: number): number {
  return (1 - 1 / (step + 1)) ** (exponent + 1);
}
