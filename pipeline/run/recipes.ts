import { Cifar5mError } from "../../core/errors.ts";
import { type PartialConfig, resolveConfig } from "./config.ts";

/** The range of guidance is left out: it follows from the rest. */
const { batchSize: _, guidanceMin: _min, guidanceMax: _max, ...fewSteps } = resolveConfig({}).sampler;

/**
 * Named sets of values for keys of the configuration. Flags and config files override them. The run pins and hashes the
 * keys, so a recipe and the same keys written out are the same run.
 */
export const recipes = {
  /** Class-conditional, guided at the noise levels where it helps, few steps: the defaults. */
  fast: { sampler: fewSteps },
  /**
   * Two calls, for a generator that was tuned to need no more. Its guidance is built in. Tuning sees few noise levels above
   * 10; see docs/adr/0016.
   */
  tuned: {
    sampler: {
      ...fewSteps,
      name: "consistency",
      schedule: "karras",
      steps: 2,
      sigmaMin: 0.8,
      sigmaMax: 10,
      guidance: 1,
    },
  },
  /** The way CIFAR-5m was made: unconditional, DDPM's ancestral sampling through all its noise levels. */
  original: {
    sampler: { ...fewSteps, name: "ddpm", schedule: "linear-beta", steps: 1000, conditional: false, guidance: 1 },
  },
} as const satisfies Record<string, PartialConfig>;

/** @throws Cifar5mError `config/unknown-recipe` */
export function requireRecipe(name: string): PartialConfig {
  if (Object.hasOwn(recipes, name)) return recipes[name as keyof typeof recipes];
  const known = Object.keys(recipes).join(", ");
  throw new Cifar5mError("config/unknown-recipe", `--recipe must be one of ${known}, got ${name}. Choose one of them.`);
}
