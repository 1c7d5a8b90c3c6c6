import { stepsOf, type Trajectory } from "./trajectory.ts";

/**
 * DPM-Solver++(2M). Second order, one call a step; the first step and one that ends at zero noise are DDIM's.
 * @see Lu et al. 2022, arXiv:2211.01095, algorithm 2
 */
export function dpmSolver2M(sigmas: Float64Array): Trajectory {
  const calls = stepsOf(sigmas).map(({ sigma, next }, step) => {
    const kept = next / sigma;
    if (step === 0 || next === 0) return { sigma, next: { x: kept, denoised0: 1 - kept } };
    const past = Math.log(sigmas[step - 1]! / sigma) / Math.log(sigma / next);
    const slope = (1 - kept) / (2 * past);
    return { sigma, next: { x: kept, denoised0: 1 - kept + slope, denoised1: -slope } };
  });
  return { start: sigmas[0]!, calls };
}
