import { multistep } from "./multistep.ts";
import { stepsOf, type Trajectory } from "./trajectory.ts";

/**
 * UniPC: a multistep predictor, and a corrector that takes the last step again once the denoised images at its end are
 * known, for the calls that the predictor makes anyway. One call a step; the first steps and one that ends at zero
 * noise are of lower order.
 * @param order - of the predictor; with the corrector the sampler's order is one more
 * @see Zhao et al. 2023, arXiv:2302.04867, algorithms 1 and 2 with data prediction
 */
export function unipc(sigmas: Float64Array, order: 2 | 3): Trajectory {
  const newest = (step: number, count: number) => [...sigmas.slice(Math.max(0, step + 1 - count), step + 1)].reverse();
  const calls = stepsOf(sigmas).map(({ sigma, next }, step) => {
    const corrected = step === 0 ? { x: 1 } : multistep({ kept: 1 }, sigmas[step - 1]!, sigma, newest(step, order + 1));
    return { sigma, next: multistep(corrected, sigma, next, newest(step, order)), kept: corrected };
  });
  return { start: sigmas[0]!, calls };
}
