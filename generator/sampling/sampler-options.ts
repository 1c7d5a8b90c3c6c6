import { Cifar5mError } from "../../core/errors.ts";
import type { NoiseLevelOptions } from "./noise-levels.ts";
import type { SamplerOptions } from "./options.ts";
import { planTrajectory } from "./plan-trajectory.ts";
import type { Churn } from "./samplers/heun.ts";

/**
 * Checks that options which are each within range fit each other.
 * @throws Cifar5mError `config/out-of-range`
 */
export function requireSamplerOptions(options: Omit<SamplerOptions, "batchSize">): void {
  const { name, conditional, guidance, guidanceMin, guidanceMax, guide, churn } = options;
  if (!conditional && guidance !== 1 && guide === "unconditional") {
    throw outOfRange(`guidance must be 1 where sampler.conditional is false, got ${guidance}`);
  }
  if (guide === "weaker" && guidance === 1) {
    throw outOfRange("guidance must be another number than 1 where sampler.guide is weaker, got 1");
  }
  if (guidanceMin > guidanceMax) {
    throw outOfRange(`guidanceMin must be at most guidanceMax = ${guidanceMax}, got ${guidanceMin}`);
  }
  if (guidance !== 1 && !guidesAnyCall(options)) {
    const levels = planTrajectory(options)
      .calls.map(({ sigma }) => sigma.toPrecision(3))
      .join(", ");
    throw outOfRange(
      `guidanceMin and guidanceMax must have a noise level between them, got ${guidanceMin} and ${guidanceMax}; the levels are ${levels}`,
    );
  }
  if (name !== "heun" && churn !== 0) {
    throw outOfRange(`churn must be 0 where sampler.name is ${name}, got ${churn}`);
  }
}

/** What a trajectory is made from, apart from its guidance. */
export type UnguidedOptions = NoiseLevelOptions & Churn & Pick<SamplerOptions, "name" | "conditional">;

/**
 * Whether the trajectory makes a call at a noise level between `guidanceMin` and `guidanceMax`.
 * @throws Cifar5mError `config/out-of-range` for impossible noise levels
 */
export function guidesAnyCall(options: UnguidedOptions & Pick<SamplerOptions, "guidanceMin" | "guidanceMax">): boolean {
  return planTrajectory(options).calls.some(({ sigma }) => guidanceAt(options)(sigma));
}

/** Returns a function that says whether calls at a noise level are guided. */
export function guidanceAt({
  guidanceMin,
  guidanceMax,
}: Pick<SamplerOptions, "guidanceMin" | "guidanceMax">): (sigma: number) => boolean {
  // Levels are powers of roots, so the first level can be slightly larger than sigmaMax.
  return (sigma) => sigma >= guidanceMin * (1 - 1e-9) && sigma <= guidanceMax * (1 + 1e-9);
}

function outOfRange(what: string): Cifar5mError {
  return new Cifar5mError("config/out-of-range", `sampler.${what}. Change one of them.`);
}
