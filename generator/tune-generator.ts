import { BuilderError } from "../core/errors.ts";
import { adamw } from "../engine/optimizers.ts";
import { buildTrainingProgram, type TrainingProgram } from "../engine/training-program.ts";
import { consistencyLoss, type Teacher } from "./consistency-loss.ts";
import type { GeneratorNetworkOptions, TuningOptions } from "./options.ts";
import { readGenerator } from "./read-generator.ts";
import { type GeneratorTraining, runDenoiserTraining } from "./run-denoiser-training.ts";
import { trainingResidents } from "./training-batch.ts";

export interface TuneGeneratorOptions extends GeneratorTraining {
  /** The trained generator, a safetensors file. */
  readonly initialWeights: Uint8Array;
  readonly options: TuningOptions;
}

/**
 * Tunes a trained denoiser into a generator of one or two calls. The metadata of its file says how, key `tuned`:
 * `{"method":"consistency","guidance":3}`; guidance is missing where only the data taught. Such weights are sampled
 * without guidance.
 * @returns the weights as a safetensors file, float16
 * @throws BuilderError `weights/corrupt`, `weights/wrong-architecture`; `config/out-of-range` for guidance without classes
 */
export async function tuneGenerator(tuning: TuneGeneratorOptions): Promise<Uint8Array> {
  const { options, initialWeights: file } = tuning;
  const { tensors, network } = readGenerator(file);
  const { guidance, stepsPerCheckpoint, ...rest } = options;
  if (guidance !== undefined && guidance !== 1 && network.numClasses === 0) {
    throw new BuilderError(
      "config/out-of-range",
      `tuning.guidance must be 1 or left out for a generator without classes, got ${guidance}. Leave it out.`,
    );
  }
  const tuned = { method: "consistency", guidance };
  return await runDenoiserTraining(tuning, {
    program: tuningProgram({
      options,
      network,
      numSamples: tuning.data.labels.length,
      teacher: guidance === undefined ? undefined : { weights: tensors, guidance },
    }),
    options,
    network,
    initial: { file, tensors },
    extraInputs: (progress) => ({ gap: Float32Array.of(gapAt(progress, options)) }),
    identity: { tuned, options: rest },
    metadata: { tuned: JSON.stringify(tuned) },
  });
}

/** The graph that tunes a denoiser on a set of `numSamples` images. */
export function tuningProgram(tuning: {
  readonly options: TuningOptions;
  readonly network: GeneratorNetworkOptions;
  readonly numSamples: number;
  readonly teacher?: Teacher | undefined;
}): TrainingProgram {
  const { options, network, numSamples, teacher } = tuning;
  const { batchSize, weightDecay, clipNorm, dropout } = options;
  return buildTrainingProgram({
    residents: trainingResidents(numSamples),
    step: { indices: { dtype: "int64", shape: [batchSize] }, gap: { dtype: "float32", shape: [] } },
    optimizer: adamw({ beta1: 0.9, beta2: 0.99, weightDecay }),
    stepsPerCall: 10,
    clipNorm,
    loss: (inputs) => consistencyLoss(inputs, { ...network, dropout }, teacher),
  });
}

/**
 * How far apart the two noise levels are: shrinks by the same factor from stage to stage, to `lastGap` in the last.
 * @param progress - part of the tuning that is done, in [0, 1)
 */
export function gapAt(progress: number, { stages, lastGap }: Pick<TuningOptions, "stages" | "lastGap">): number {
  return lastGap ** ((Math.floor(progress * stages) + 1) / stages);
}
