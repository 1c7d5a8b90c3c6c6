import { multistep } from "./multistep.ts";
import { stepsOf, type Trajectory } from "./trajectory.ts";

/**
 * UniPC: a multistep predictor and a corrector. Once the denoised images at the end of a step are known, the corrector
 * repeats the step with them. It needs no calls besides those of the predictor: one call per step. The first steps, and a
 * step that ends at zero noise, have a lower order. Weights of more than two nodes are not the published ones, see `multistepWeights`.
 * @param order - order of the predictor; the corrector increases the order of the sampler by one
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
