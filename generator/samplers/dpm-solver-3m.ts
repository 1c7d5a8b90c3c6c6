import { multistep } from "./multistep.ts";
import { stepsOf, type Trajectory } from "./trajectory.ts";

/**
 * DPM-Solver++(3M). Third order, one call a step; the first steps and one that ends at zero noise are of lower order.
 * The last factor is twice that of the authors' program, whose order is 2.
 * @see Lu et al. 2022, arXiv:2211.01095, appendix B: the third-order expansion with differences for derivatives
 */
export function dpmSolver3M(sigmas: Float64Array): Trajectory {
  const calls = stepsOf(sigmas).map(({ sigma, next }, step) => {
    const nodes = [...sigmas.slice(Math.max(0, step - 2), step + 1)].reverse();
    return { sigma, next: multistep({ x: 1 }, sigma, next, nodes) };
  });
  return { start: sigmas[0]!, calls };
}
