import { stepsOf, type Trajectory } from "./trajectory.ts";

/**
 * DDIM without noise: Euler's method for dx/dsigma = (x - D(x; sigma)) / sigma. First order, one call per step.
 * @see Song et al. 2020, arXiv:2010.02502, eq. 12 with eta = 0
 */
export function ddim(sigmas: Float64Array): Trajectory {
  const calls = stepsOf(sigmas).map(({ sigma, next }) => ({
    sigma,
    next: { x: next / sigma, denoised0: 1 - next / sigma },
  }));
  return { start: sigmas[0]!, calls };
}
