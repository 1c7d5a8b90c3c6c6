import { Cifar5mError } from "../../core/errors.ts";
import type { Weights } from "../../engine/parameters/constant-scope.ts";
import { shareScope } from "../../engine/parameters/share-scope.ts";
import { adamw } from "../../engine/training/optimizers.ts";
import { buildTrainingProgram, type TrainingProgram } from "../../engine/training/training-program.ts";
import { denoiserGuidedWithin, networkDenoiser, trainedDenoiser } from "../denoiser.ts";
import type { GeneratorNetworkOptions } from "../network-options.ts";
import { readGenerator } from "../read-generator.ts";
import { consistencyLoss } from "./consistency-loss.ts";
import type { TuningOptions } from "./options.ts";
import { type GeneratorTraining, runDenoiserTraining } from "./run-denoiser-training.ts";
import { trainingResidents } from "./training-batch.ts";
import { tuningSchedule } from "./training-schedule.ts";

export interface TuneGeneratorOptions extends GeneratorTraining {
  /** The trained generator, a safetensors file. */
  readonly initialWeights: Uint8Array;
  readonly options: TuningOptions;
}

/**
 * Tunes a trained denoiser so that sampling needs one or two calls per image. The key `tuned` of the file's metadata says
 * how: `{"method":"consistency","guidance":3}`. It has no `guidance` if there was no teacher. Tuned weights are sampled
 * without guidance.
 * @returns the weights as a safetensors file, float16
 * @throws Cifar5mError `weights/corrupt`; `weights/wrong-architecture`, also for a teacher that was tuned itself;
 *   `config/out-of-range` for guidance without classes, or in an empty interval; `train/config-changed`, `train/diverged`, `interrupted`
 */
export async function tuneGenerator(tuning: TuneGeneratorOptions): Promise<Uint8Array> {
  const { options, initialWeights: file } = tuning;
  const { tensors, network, isTuned } = readGenerator(file);
  const { guidance, guidanceMin, guidanceMax, stepsPerCheckpoint, ...rest } = options;
  if (guidance !== 0 && guidance !== 1 && network.numClasses === 0) {
    throw new Cifar5mError(
      "config/out-of-range",
      `tuning.guidance must be 0 or 1 for a generator without classes, got ${guidance}. Leave it out.`,
    );
  }
  if (guidance !== 0 && isTuned) {
    throw new Cifar5mError(
      "weights/wrong-architecture",
      "the teacher of a tuning must not be tuned itself, got weights that were tuned for few calls. " +
        "Start from the weights from before tuning, or leave out tuning.guidance.",
    );
  }
  if (guidanceMin > guidanceMax) {
    throw new Cifar5mError(
      "config/out-of-range",
      `tuning.guidanceMin must be at most guidanceMax = ${guidanceMax}, got ${guidanceMin}. Change one of them.`,
    );
  }
  const schedule = tuningSchedule(options);
  const isEverywhere = guidanceMin === 0 && guidanceMax === 1000;
  const teacher = { guidance, ...(isEverywhere ? {} : { guidanceMin, guidanceMax }) };
  const tuned = { method: "consistency", ...(guidance === 0 ? {} : teacher) };
  return await runDenoiserTraining(tuning, {
    program: tuningProgram({
      options,
      network,
      numSamples: tuning.data.labels.length,
      weights: tensors,
      scalesLoss: tuning.precision === "mixed",
    }),
    options,
    emaExponents: [options.averageExponent],
    schedule: () => schedule,
    network,
    initial: { file, tensors },
    extraInputs: (step) => ({ gap: Float32Array.of(gapAt(step / schedule.totalSteps, options)) }),
    identity: { tuned, options: rest },
    metadata: { tuned: JSON.stringify(tuned) },
  });
}

/**
 * The graph that tunes a denoiser on a set of `numSamples` images.
 * @param tuning - weights: weights of the frozen teacher, which is part of the graph if `options.guidance` is not 0
 */
export function tuningProgram(tuning: {
  readonly options: TuningOptions;
  readonly network: GeneratorNetworkOptions;
  readonly numSamples: number;
  readonly weights: Weights;
  readonly scalesLoss?: boolean;
}): TrainingProgram {
  const { options, network, numSamples, weights, scalesLoss = false } = tuning;
  const { batchSize, weightDecay, clipNorm, dropout, guidance } = options;
  return buildTrainingProgram({
    scalesLoss,
    residents: trainingResidents(numSamples),
    step: { indices: { dtype: "int64", shape: [batchSize] }, gap: { dtype: "float32", shape: [] } },
    optimizer: adamw({ beta1: 0.9, beta2: 0.99, weightDecay }),
    stepsPerCall: 10,
    clipNorm,
    loss: (inputs) => {
      const student = networkDenoiser(shareScope(inputs.scope), { ...network, dropout });
      if (guidance === 0) return consistencyLoss(inputs, student);
      const teacher = trainedDenoiser(weights, network);
      const range = { min: options.guidanceMin, max: options.guidanceMax };
      return consistencyLoss(
        inputs,
        student,
        guidance === 1 ? teacher : denoiserGuidedWithin(range, teacher, guidance),
      );
    },
  });
}

/**
 * The gap between the two noise levels. It shrinks by the same factor from stage to stage, to `lastGap` in the last one.
 * @param progress - the fraction of the tuning that is done, in [0, 1)
 */
export function gapAt(progress: number, { stages, lastGap }: Pick<TuningOptions, "stages" | "lastGap">): number {
  return lastGap ** ((Math.floor(progress * stages) + 1) / stages);
}
