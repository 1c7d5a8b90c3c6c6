import { BuilderError } from "../core/errors.ts";
import type { SamplerOptions } from "./options.ts";
import { planTrajectory } from "./plan-trajectory.ts";

/**
 * Looks for options that are each within range and do not fit each other.
 * @throws BuilderError `config/out-of-range`
 */
export function checkSamplerOptions(options: Omit<SamplerOptions, "batchSize">): void {
  const { name, conditional, guidance, churn } = options;
  planTrajectory(options);
  if (!conditional && guidance !== 1) {
    throw outOfRange(`guidance must be 1 where sampler.conditional is false, got ${guidance}`);
  }
  if (name !== "heun" && churn !== 0) {
    throw outOfRange(`churn must be 0 where sampler.name is ${name}, got ${churn}`);
  }
}

function outOfRange(what: string): BuilderError {
  return new BuilderError("config/out-of-range", `sampler.${what}. Change one of them.`);
}
