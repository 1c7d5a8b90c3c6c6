import { Cifar5mError } from "../../core/errors.ts";

/** What the schedule follows from. */
export interface ScheduleOptions {
  /** Images to see, if the training is not told to finish earlier. */
  readonly numImages: number;
  readonly batchSize: number;
  /** The learning rate while it is constant. */
  readonly learningRate: number;
  /** Images over which the learning rate rises from 0. */
  readonly warmUpImages: number;
  /** Part of the training, its last, in which the learning rate falls to 0. */
  readonly coolDown: number;
}

/** Where a training ends. It is kept with checkpoints once the learning rate falls, for then it is final. */
export interface TrainingEnd {
  /** The first step whose learning rate may be below the constant one. */
  readonly coolDownStart: number;
  readonly totalSteps: number;
  /** The option of the time, by which a wish for more images is told. */
  readonly numImages: number;
}

/** The end of a training that sees as many images as its options say. */
export function plannedEnd({ numImages, batchSize, coolDown }: ScheduleOptions): TrainingEnd {
  const totalSteps = Math.ceil(numImages / batchSize);
  return { coolDownStart: totalSteps - Math.round(totalSteps * coolDown), totalSteps, numImages };
}

/**
 * The end of a training that may be under way, and may be told to finish now.
 * @param saved - steps done, and the end that is kept with them; undefined before the first checkpoint
 * @throws Cifar5mError `train/nothing-to-finish`, `train/cooling-down` for other images than those it is about to end with
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
  if (!finish) return planned;
  if (saved === undefined || saved.step === 0) {
    throw new Cifar5mError(
      "train/nothing-to-finish",
      "no checkpoint is there, so nothing has been trained that could be finished. Train without --finish first.",
    );
  }
  if (saved.step >= planned.coolDownStart) return planned;
  // At least one step more, so that a cool-down of 0 ends too.
  const totalSteps = Math.max(saved.step + 1, Math.round(saved.step / (1 - Math.min(coolDown, 0.99))));
  return { coolDownStart: saved.step, totalSteps, numImages };
}

/**
 * Rises linearly from 0, is constant, and falls linearly to 0 at the end: warm-up, stable, decay.
 * @param step - from 0
 * @see Hägele et al. 2024, arXiv:2405.18392, section 3
 */
export function learningRateAt(step: number, options: ScheduleOptions, end: TrainingEnd): number {
  const { learningRate, warmUpImages, batchSize } = options;
  const rise = Math.min(1, ((step + 1) * batchSize) / Math.max(1, warmUpImages));
  const fall = (end.totalSteps - step) / (end.totalSteps - end.coolDownStart + 1);
  return learningRate * Math.min(rise, step < end.coolDownStart ? 1 : fall);
}
