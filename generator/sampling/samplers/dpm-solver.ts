import { multistep } from "./multistep.ts";
import { stepsOf, type Trajectory } from "./trajectory.ts";

/**
 * DPM-Solver++(2M) and (3M). One call per step. The first steps, and a step that ends at zero noise, have a lower order.
 * The authors' program halves the last term of the third-order expansion, which reduces its order to 2. Here the order is 3,
 * and the weights are those of `multistepWeights`.
 * @see Lu et al. 2022, arXiv:2211.01095, algorithm 2, and eq. 8 with differences for derivatives
 */
export function dpmSolver(sigmas: Float64Array, order: 2 | 3): Trajectory {
  const calls = stepsOf(sigmas).map(({ sigma, next }, step) => {
    const nodes = [...sigmas.slice(Math.max(0, step + 1 - order), step + 1)].reverse();
    return { sigma, next: multistep({ x: 1 }, sigma, next, nodes) };
  });
  return { start: sigmas[0]!, calls };
}
