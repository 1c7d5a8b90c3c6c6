import { createHash } from "node:crypto";
import { createEngine } from "../engine/create-engine.ts";
import { type EngineName, type Precision, precisionIdentity } from "../engine/executor.ts";
import type { Weights } from "../engine/inference.ts";
import { namedParts } from "../engine/parameters.ts";
import { runTraining, type TrainingProgress, type TrainingStore } from "../engine/run-training.ts";
import { writeSafetensors } from "../engine/safetensors.ts";
import { tensorData } from "../engine/tensor.ts";
import { type StepInputs, stateFromWeights } from "../engine/trainer.ts";
import type { TrainingProgram } from "../engine/training-program.ts";
import { batchIndices } from "../networks/batch-order.ts";
import { powerAverageDecay, triangularSchedule } from "../networks/schedules.ts";
import { type GeneratorNetworkOptions, generatorNetworkSchema } from "./options.ts";

/** What trainings of the generator have in common, from random weights or from trained ones. */
export interface GeneratorTraining {
  /** Images, uint8 [N, 32, 32, 3] flattened, and their classes. */
  readonly data: { readonly images: Uint8Array; readonly labels: Uint8Array };
  readonly seed: number;
  readonly engine: EngineName;
  readonly device: string;
  readonly precision?: Precision | undefined;
  readonly store: TrainingStore;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: TrainingProgress) => void) | undefined;
  /** Gets the weights so far after each checkpoint, for a sample grid. */
  readonly onWeights?: ((weights: Uint8Array, step: number) => Promise<void>) | undefined;
}

/** Options that training and tuning share. */
export interface StepOptions {
  readonly numImages: number;
  readonly batchSize: number;
  readonly learningRate: number;
  readonly warmUp: number;
  readonly averageExponent: number;
  readonly stepsPerCheckpoint: number;
}

/**
 * Runs a training of the denoiser.
 * @param parts - what tells one kind of training from the other; `identity` names all of it but the data and the start
 * @returns the averaged weights as a safetensors file, float16, with `metadata` and the architecture beside them
 */
export async function runDenoiserTraining(
  training: GeneratorTraining,
  parts: {
    readonly program: TrainingProgram;
    readonly options: StepOptions;
    readonly network: GeneratorNetworkOptions;
    readonly initial?: { readonly file: Uint8Array; readonly tensors: Weights } | undefined;
    /** Values that a step's loss takes besides its images. */
    readonly extraInputs?: ((progress: number) => StepInputs["values"]) | undefined;
    readonly identity: Readonly<Record<string, unknown>>;
    readonly metadata: Readonly<Record<string, string>>;
  },
): Promise<Uint8Array> {
  const { data, seed, precision } = training;
  const { program, options, initial } = parts;
  const { batchSize } = options;
  const numSamples = data.labels.length;
  const totalSteps = Math.ceil(options.numImages / batchSize);
  const encode = (average: Float32Array, step: number) =>
    writeSafetensors(
      {
        tensors: namedParts(program.parameters, average),
        metadata: {
          model: "generator",
          network: JSON.stringify(parts.network),
          images: String(step * batchSize),
          ...parts.metadata,
        },
      },
      "F16",
    );
  const startsFrom =
    initial === undefined ? {} : { initialWeights: createHash("sha256").update(initial.file).digest("hex") };
  const state = await runTraining({
    program,
    engine: await createEngine(training.engine, training),
    seed,
    residents: {
      images: { dtype: "uint8", shape: [numSamples, 32, 32, 3], data: data.images },
      classes: tensorData("int64", [numSamples], Array.from(data.labels)),
    },
    batchSize,
    totalSteps,
    inputsOf: (step) => ({
      learningRate: triangularSchedule(step, totalSteps, options.learningRate, options.warmUp),
      averageDecay: powerAverageDecay(step, options.averageExponent),
      values: {
        indices: batchIndices(seed, numSamples, batchSize, step),
        ...parts.extraInputs?.(step / totalSteps),
      },
    }),
    prepare: (fresh) => (initial === undefined ? fresh : stateFromWeights(program, seed, initial.tensors)),
    store: training.store,
    stepsPerCheckpoint: options.stepsPerCheckpoint,
    fingerprint: JSON.stringify({
      model: "generator",
      ...parts.identity,
      seed,
      numSamples,
      ...startsFrom,
      ...precisionIdentity(precision),
    }),
    signal: training.signal,
    onProgress: training.onProgress,
    onCheckpoint: async ({ vectors, step }) => {
      await training.onWeights?.(encode(vectors["average"]!, step), step);
    },
  });
  return encode(state.vectors["average"]!, totalSteps);
}

/** The part of the options that says what the network looks like. */
export function networkOf(options: GeneratorNetworkOptions): GeneratorNetworkOptions {
  const keys = Object.keys(generatorNetworkSchema.shape) as (keyof GeneratorNetworkOptions)[];
  return generatorNetworkSchema.parse(Object.fromEntries(keys.map((key) => [key, options[key]])));
}
