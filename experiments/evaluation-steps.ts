import type { EvaluationOptions } from "./run-options.ts";

/**
 * The steps after which metrics are computed, rising. They include 0 (before training) and the last step. There are as many
 * as requested, or fewer if several fall on one step, as early ones of a large number do.
 * @see preetum/deep-bootstrap-code, whose log the schedule `paper` follows
 */
export function evaluationSteps(totalSteps: number, { steps }: EvaluationOptions): readonly number[] {
  const chosen = new Set([0, totalSteps]);
  if (steps === "paper") {
    for (let step = 0; step < totalSteps; step += step < 1024 ? 4 : step < 2048 ? 8 : 64) chosen.add(step);
  } else {
    // After step 0 the steps are evenly spaced on a logarithmic scale, from step 1 to the last one.
    for (let index = 0; index < steps - 2; index++) chosen.add(Math.round(totalSteps ** (index / (steps - 2))));
  }
  return [...chosen].sort((a, b) => a - b);
}
