import { type Call, combine, stepsOf, type Trajectory } from "./trajectory.ts";

/** How much noise each step adds before it removes noise. */
export interface Churn {
  /** Sum over all steps of the relative increase of the noise level. No step increases its level by more than 41%. */
  readonly churn: number;
  /** The range of noise levels in which steps add noise. */
  readonly churnMin: number;
  readonly churnMax: number;
  /** Standard deviation of the added noise. A value slightly above 1 compensates for lost detail. */
  readonly churnNoise: number;
}

/**
 * Heun's method for dx/dsigma = (x - D(x; sigma)) / sigma. Second order, two calls per step. A step that ends at zero noise
 * is an Euler step of one call. With churn the sampler is stochastic.
 * @see Karras et al. 2022, arXiv:2206.00364, algorithms 1 and 2
 */
export function heun(sigmas: Float64Array, churn?: Churn): Trajectory {
  const numSteps = sigmas.length - 1;
  const raisedLevel = (sigma: number) => {
    if (churn === undefined || sigma < churn.churnMin || sigma > churn.churnMax) return sigma;
    return sigma * (1 + Math.min(churn.churn / numSteps, Math.SQRT2 - 1));
  };
  /** Standard deviation of the noise that raises the level of noisy images to the start of the next step. */
  const added = (sigma: number) => Math.sqrt(raisedLevel(sigma) ** 2 - sigma ** 2) * (churn?.churnNoise ?? 1);
  const calls = stepsOf(sigmas).flatMap(({ sigma, next }, step): Call[] => {
    const raised = raisedLevel(sigma);
    const euler = { x: next / raised, denoised0: 1 - next / raised };
    const first: Call = { sigma: raised, next: euler, kept: { x: 1 } };
    if (next === 0) return [first];
    const half = (next - raised) / 2;
    const corrected = combine(
      [1, { kept: 1 }],
      [half / raised, { kept: 1, denoised1: -1 }],
      [half / next, { x: 1, denoised0: -1 }],
    );
    const noise = step + 1 < numSteps ? added(next) : 0;
    return [first, { sigma: next, next: noise > 0 ? { ...corrected, noise } : corrected }];
  });
  // The initial noise and the noise that the first step adds are sampled together.
  return { start: Math.hypot(sigmas[0]!, added(sigmas[0]!)), calls };
}
