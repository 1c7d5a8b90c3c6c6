import { type Call, combine, stepsOf, type Trajectory } from "./trajectory.ts";

/** How much noise each step adds before it takes noise away; none by default. */
export interface Churn {
  /** Noise of all steps together, as a part of the noise level that each adds; no step adds more than 41%. */
  readonly churn: number;
  /** Noise levels at which it is added. */
  readonly churnMin: number;
  readonly churnMax: number;
  /** Standard deviation of the noise; slightly above 1 makes up for detail that is lost. */
  readonly churnNoise: number;
}

/**
 * Heun's method for dx/dsigma = (x - D(x; sigma)) / sigma. Second order; two calls a step but the last, which ends at
 * zero noise and is Euler's. With churn it is stochastic.
 * @see Karras et al. 2022, arXiv:2206.00364, algorithms 1 and 2
 */
export function heun(sigmas: Float64Array, churn?: Churn): Trajectory {
  const numSteps = sigmas.length - 1;
  const raisedLevel = (sigma: number) => {
    if (churn === undefined || sigma < churn.churnMin || sigma > churn.churnMax) return sigma;
    return sigma * (1 + Math.min(churn.churn / numSteps, Math.SQRT2 - 1));
  };
  /** Standard deviation of the noise that brings a place to the level at which the next step begins. */
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
  // The noise of the first step and that which it starts from are one draw.
  return { start: Math.hypot(sigmas[0]!, added(sigmas[0]!)), calls };
}
