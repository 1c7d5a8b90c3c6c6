import { stepsOf, type Trajectory } from "./trajectory.ts";

/**
 * DDPM's ancestral sampling: samples the next noisy images from their distribution given the current ones and the denoised
 * images. The variance is the smaller of the paper's two choices. At 1,000 steps they are nearly equal, except in the last steps.
 * One call per step.
 * @see Ho et al. 2020, arXiv:2006.11239, eq. 6 and 7, for images that are not scaled down when noise is added
 */
export function ddpm(sigmas: Float64Array): Trajectory {
  const calls = stepsOf(sigmas).map(({ sigma, next }) => {
    const kept = (next / sigma) ** 2;
    const noise = next * Math.sqrt(1 - kept);
    return { sigma, next: { x: kept, denoised0: 1 - kept, ...(noise > 0 ? { noise } : {}) } };
  });
  return { start: sigmas[0]!, calls };
}
