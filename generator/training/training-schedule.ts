import { Cifar5mError } from "../../core/errors.ts";
import { triangularSchedule } from "../../networks/schedules.ts";
import type { TuningOptions } from "./options.ts";
import type { TrainingSchedule } from "./run-denoiser-training.ts";

/** The options that determine the schedule. */
export interface ScheduleOptions {
  /** Images to train on, unless the training is told to finish earlier. */
  readonly numImages: number;
  readonly batchSize: number;
  /** The learning rate while it is constant. */
  readonly learningRate: number;
  /** Images during which the learning rate rises from 0. */
  readonly warmUpImages: number;
  /** The last part of the training, as a fraction, in which the learning rate falls to 0. */
  readonly coolDown: number;
}

/** When a training ends. It is final once the learning rate falls, and is then saved with checkpoints. */
export interface TrainingEnd {
  /** The first step of the cool-down. */
  readonly coolDownStart: number;
  readonly totalSteps: number;
  /** The option `numImages` when the end was decided, to detect that it changed. */
  readonly numImages: number;
}

/** The end of a training that trains on as many images as its options say. */
export function plannedEnd({ numImages, batchSize, coolDown }: ScheduleOptions): TrainingEnd {
  const totalSteps = Math.ceil(numImages / batchSize);
  return { coolDownStart: totalSteps - Math.round(totalSteps * coolDown), totalSteps, numImages };
}

/**
 * The end of a training that may be in progress and may be told to finish now.
 * @param saved - steps done and the end that was saved with them; undefined before the first checkpoint
 * @throws Cifar5mError `train/nothing-to-finish`; `train/cooling-down` if `numImages` changed after the cool-down began;
 *   `train/too-few-images` if it is so small that the cool-down should have begun earlier
 */
export function endOfTraining(
  options: ScheduleOptions,
  saved: { readonly step: number; readonly end: TrainingEnd | undefined } | undefined,
  finish: boolean,
): TrainingEnd {
  const { numImages, batchSize, coolDown } = options;
  if (saved?.end !== undefined) {
    if (saved.end.numImages === numImages) return saved.end;
    throw new Cifar5mError(
      "train/cooling-down",
      `numImages is ${numImages}, and the learning rate of this training has begun to fall, to end after ${saved.end.totalSteps * batchSize} images. ` +
        "Leave the option out to let it end, then train its weights on with --init in another run folder.",
    );
  }
  const planned = plannedEnd(options);
  if (!finish) {
    if (saved === undefined || saved.step <= planned.coolDownStart) return planned;
    throw new Cifar5mError(
      "train/too-few-images",
      `numImages must leave images for the cool-down, which would have begun after ${planned.coolDownStart * batchSize}, and this ` +
        `training has seen ${saved.step * batchSize}; got ${numImages}. Give it a larger number, or finish it now.`,
    );
  }
  if (saved === undefined || saved.step === 0) {
    throw new Cifar5mError(
      "train/nothing-to-finish",
      "there is no checkpoint, so there is no training to finish. Train without --finish first.",
    );
  }
  // Beyond the planned start, there was no cool-down yet: `numImages` has become smaller.
  if (saved.step === planned.coolDownStart) return planned;
  // At least one more step, so that a training with `coolDown` 0 ends too.
  const totalSteps = Math.max(saved.step + 1, Math.round(saved.step / (1 - Math.min(coolDown, 0.99))));
  return { coolDownStart: saved.step, totalSteps, numImages };
}

/**
 * A learning rate that rises linearly from 0, stays constant, and falls linearly to 0 at the end.
 * @param step - from 0
 * @see Hägele et al. 2024, arXiv:2405.18392, section 3
 */
export function trapezoidalRate(step: number, options: ScheduleOptions, end: TrainingEnd): number {
  const { learningRate, warmUpImages, batchSize } = options;
  const rise = Math.min(1, ((step + 1) * batchSize) / Math.max(1, warmUpImages));
  const fall = (end.totalSteps - step) / (end.totalSteps - end.coolDownStart + 1);
  return learningRate * Math.min(rise, step < end.coolDownStart ? 1 : fall);
}

/** The schedule of a tuning, whose end is known from the start: the learning rate rises and falls linearly. */
export function tuningSchedule({
  numImages,
  batchSize,
  learningRate,
  warmUp,
}: Pick<TuningOptions, "numImages" | "batchSize" | "learningRate" | "warmUp">): TrainingSchedule {
  const totalSteps = Math.ceil(numImages / batchSize);
  return { totalSteps, learningRate: (step) => triangularSchedule(step, totalSteps, learningRate, warmUp) };
}
