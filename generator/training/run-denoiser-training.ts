import type { LabeledImages } from "../../core/image-layout.ts";
import { createEngine } from "../../engine/create-engine.ts";
import { executionIdentity, type SeededExecution } from "../../engine/executor.ts";
import { tensorData } from "../../engine/graph/tensor.ts";
import type { Weights } from "../../engine/parameters/constant-scope.ts";
import { unflattenParameters } from "../../engine/parameters/parameters.ts";
import { writeSafetensors } from "../../engine/parameters/safetensors.ts";
import { emaNames } from "../../engine/training/carried-vectors.ts";
import {
  type LoadedCheckpoint,
  loadCheckpoint,
  runTraining,
  type TrainingProgress,
  type TrainingStore,
} from "../../engine/training/run-training.ts";
import type { StepInputs } from "../../engine/training/trainer.ts";
import type { TrainingProgram } from "../../engine/training/training-program.ts";
import { stateFromWeights } from "../../engine/training/training-state.ts";
import { batchIndices } from "../../networks/batch-order.ts";
import { powerEmaDecay } from "../../networks/schedules.ts";
import { hashOfImages, sha256 } from "../../storage/sha256.ts";
import { type GeneratorNetworkOptions, generatorNetworkSchema } from "../network-options.ts";

/** The options that training and tuning of the generator share. */
export interface GeneratorTraining extends SeededExecution {
  readonly data: LabeledImages;

  readonly store: TrainingStore;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: TrainingProgress) => void) | undefined;
  /** Called after each checkpoint with the current EMA weights, one file per EMA, for sample grids and scores. */
  readonly onWeights?: ((emas: readonly Uint8Array[], step: number) => Promise<void>) | undefined;
}

/** The learning rates of a training that may already be in progress. */
export interface TrainingSchedule {
  readonly totalSteps: number;
  readonly learningRate: (step: number) => number;
  /** Text to save with the checkpoint of a step, so that a resumed training has the same schedule. */
  readonly extraState?: (step: number) => string;
}

/**
 * Runs a training of the denoiser.
 * @param parts - what differs between training and tuning; `identity` identifies the training, apart from its data and
 *   initial weights
 * @returns the EMA weights as a safetensors file, float16, with the architecture and `metadata` in its metadata
 */
export async function runDenoiserTraining(
  training: GeneratorTraining,
  parts: {
    readonly program: TrainingProgram;
    readonly options: { readonly batchSize: number; readonly stepsPerCheckpoint: number };
    /** Exponents of the EMAs. The first EMA is the result. */
    readonly emaExponents: readonly number[];
    readonly schedule: (checkpoint: LoadedCheckpoint | undefined) => TrainingSchedule;
    readonly network: GeneratorNetworkOptions;
    readonly initial?: { readonly file: Uint8Array; readonly tensors: Weights } | undefined;
    /** Whether a parameter is not part of the denoiser, such as a discriminator's. It is then not in the file either. */
    readonly isExtra?: (name: string) => boolean;
    /** Inputs of the loss besides the images. */
    readonly extraInputs?: ((step: number) => StepInputs["values"]) | undefined;
    readonly identity: Readonly<Record<string, unknown>>;
    readonly metadata: Readonly<Record<string, string>>;
  },
): Promise<Uint8Array> {
  const { data, seed } = training;
  const { program, options, initial, emaExponents, isExtra = () => false } = parts;
  const { batchSize } = options;
  const numSamples = data.labels.length;
  const encode = (ema: Float32Array, step: number) =>
    writeSafetensors(
      {
        tensors: new Map([...unflattenParameters(program.parameters, ema)].filter(([name]) => !isExtra(name))),
        metadata: {
          model: "generator",
          network: JSON.stringify(parts.network),
          images: String(step * batchSize),
          ...parts.metadata,
        },
      },
      "F16",
    );
  const startsFrom = initial === undefined ? {} : { initialWeights: sha256(initial.file) };
  const identity = {
    model: "generator",
    ...parts.identity,
    seed,
    numSamples,
    ...startsFrom,
    // Engine and device are left out: a training may resume on another device, unless its caller pins the device.
    precision: executionIdentity(training).precision,
  };
  const fingerprint = JSON.stringify({ ...identity, data: hashOfImages(data) });
  const checkpoint = await loadCheckpoint({ store: training.store, fingerprint, earlier: [JSON.stringify(identity)] });
  const { totalSteps, learningRate, extraState } = parts.schedule(checkpoint);
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
      learningRate: learningRate(step),
      emaDecay: emaExponents.map((exponent) => powerEmaDecay(step, exponent)),
      values: {
        indices: batchIndices(seed, numSamples, batchSize, step),
        ...parts.extraInputs?.(step),
      },
    }),
    start: initial === undefined ? undefined : () => stateFromWeights(program, seed, initial.tensors, isExtra),
    store: training.store,
    stepsPerCheckpoint: options.stepsPerCheckpoint,
    fingerprint: checkpoint?.fingerprint ?? fingerprint,
    checkpoint,
    ...(extraState === undefined ? {} : { extraState: { save: extraState, load: () => {} } }),
    signal: training.signal,
    onProgress: training.onProgress,
    onCheckpoint: async ({ vectors, step }) => {
      const emas = emaNames("average", emaExponents.length).map((name) => encode(vectors[name]!, step));
      await training.onWeights?.(emas, step);
    },
  });
  return encode(state.vectors["average"]!, state.step);
}

/** The part of the options that describes the network. */
export function networkOf(options: GeneratorNetworkOptions): GeneratorNetworkOptions {
  const keys = Object.keys(generatorNetworkSchema.shape) as (keyof GeneratorNetworkOptions)[];
  return generatorNetworkSchema.parse(Object.fromEntries(keys.map((key) => [key, options[key]])));
}
