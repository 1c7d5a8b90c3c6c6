import type { ScheduleOptions } from "./run-options.ts";

/**
 * The learning rate at a step.
 * @param step - from 0
 * @param totalSteps - T
 */
export function learningRateAt(step: number, totalSteps: number, peak: number, schedule: ScheduleOptions): number {
  const progress = (step - (step % schedule.stepsPerChange)) / totalSteps;
  const { warmUp } = schedule;
  // Past the warm-up the rate changes every `stepsPerChange` steps only, so this part may end later than the warm-up.
  if (progress < warmUp) return Math.min(peak, (peak * (step + 1)) / Math.ceil(warmUp * totalSteps));
  if (schedule.name === "constant") return peak;
  if (schedule.name === "step") {
    const numFalls = schedule.milestones.filter((milestone) => progress >= milestone).length;
    return peak * schedule.factor ** numFalls;
  }
  const rest = (progress - warmUp) / (1 - warmUp);
  return (peak * (1 + Math.cos(Math.PI * rest))) / 2;
}
