import { stepsOf, type Trajectory } from "./trajectory.ts";

/**
 * A sampler for tuned generators, whose single call leads to the end of the path. Each step takes the denoised images and
 * adds fresh noise of the next level. One call per step.
 * @see Song et al. 2023, arXiv:2303.01469, algorithm 1
 */
export function consistency(sigmas: Float64Array): Trajectory {
  const calls = stepsOf(sigmas).map(({ sigma, next }) => ({
    sigma,
    next: { denoised0: 1, ...(next > 0 ? { noise: next } : {}) },
  }));
  return { start: sigmas[0]!, calls };
}
