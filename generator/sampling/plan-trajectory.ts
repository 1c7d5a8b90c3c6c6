import { type NoiseLevelOptions, noiseLevels } from "./noise-levels.ts";
import { consistency } from "./samplers/consistency.ts";
import { ddim } from "./samplers/ddim.ts";
import { ddpm } from "./samplers/ddpm.ts";
import { dpmSolver } from "./samplers/dpm-solver.ts";
import { type Churn, heun } from "./samplers/heun.ts";
import type { Trajectory } from "./samplers/trajectory.ts";
import { unipc } from "./samplers/unipc.ts";

/** Samplers by name: they map noise levels, strictly falling, shape [N + 1], to a trajectory. */
export const samplers = {
  ddpm,
  ddim,
  heun,
  "dpm-solver-2m": (sigmas) => dpmSolver(sigmas, 2),
  "dpm-solver-3m": (sigmas) => dpmSolver(sigmas, 3),
  "unipc-2": (sigmas) => unipc(sigmas, 2),
  "unipc-3": (sigmas) => unipc(sigmas, 3),
  consistency,
} satisfies Record<string, (sigmas: Float64Array, churn: Churn) => Trajectory>;

export type SamplerName = keyof typeof samplers;
export const samplerNames = Object.keys(samplers) as [SamplerName, ...SamplerName[]];

/**
 * The trajectory from noise to images for the given options.
 * @throws Cifar5mError `config/out-of-range` for impossible noise levels
 */
export function planTrajectory(options: NoiseLevelOptions & Churn & { readonly name: SamplerName }): Trajectory {
  const sampler: (sigmas: Float64Array, churn: Churn) => Trajectory = samplers[options.name];
  return sampler(noiseLevels(options), options);
}
