import { createHash } from "node:crypto";
import { randomStreams } from "../core/random.ts";
import { createEngine } from "../engine/create-engine.ts";
import type { EngineName } from "../engine/executor.ts";
import type { Tensor } from "../engine/graph.ts";
import { add, div, exp, less, mul, sub, where } from "../engine/ops/elementwise.ts";
import { gather } from "../engine/ops/gather.ts";
import { mean } from "../engine/ops/reduce.ts";
import { reshape } from "../engine/ops/shape.ts";
import { adamw } from "../engine/optimizers.ts";
import { namedParts } from "../engine/parameters.ts";
import { runTraining, type TrainingProgress, type TrainingStore } from "../engine/run-training.ts";
import { writeSafetensors } from "../engine/safetensors.ts";
import { tensorData } from "../engine/tensor.ts";
import { stateFromWeights } from "../engine/trainer.ts";
import { buildTrainingProgram, type LossInputs, type TrainingProgram } from "../engine/training-program.ts";
import { coin, flipWhere } from "../networks/augment.ts";
import { batchIndices } from "../networks/batch-order.ts";
import { imagesFromBytes } from "../networks/image-input.ts";
import { powerAverageDecay, triangularSchedule } from "../networks/schedules.ts";
import { unet } from "../networks/unet.ts";
import { type GeneratorTrainingOptions, generatorNetworkSchema } from "./options.ts";
import { preconditioning } from "./preconditioning.ts";
import { readGenerator } from "./read-generator.ts";

/** Mean and standard deviation of ln(sigma) in training (Karras et al. 2022, table 1). */
const logSigmaMean = -1.2;
const logSigmaDeviation = 1.2;

export interface TrainGeneratorOptions {
  /** A generator of the same architecture to start from, a safetensors file; random weights by default. */
  readonly initialWeights?: Uint8Array | undefined;
  /** Images, uint8 [N, 32, 32, 3] flattened, and their classes. */
  readonly data: { readonly images: Uint8Array; readonly labels: Uint8Array };
  readonly options: GeneratorTrainingOptions;
  readonly seed: number;
  readonly engine: EngineName;
  readonly device: string;
  readonly store: TrainingStore;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: TrainingProgress) => void) | undefined;
  /** Gets the weights so far after each checkpoint, for a sample grid. */
  readonly onWeights?: ((weights: Uint8Array, step: number) => Promise<void>) | undefined;
}

/**
 * Trains a denoiser by EDM's loss, with mirrored images, AdamW, clipped gradients and averaged weights.
 * @returns the weights as a safetensors file, float16, with the architecture in its metadata
 */
export async function trainGenerator(training: TrainGeneratorOptions): Promise<Uint8Array> {
  const { data, options, seed } = training;
  const numSamples = data.labels.length;
  const totalSteps = Math.ceil(options.numImages / options.batchSize);
  const program = generatorProgram(options, numSamples);
  const { stepsPerCheckpoint, ...identity } = options;
  const { initialWeights } = training;
  const startsFrom =
    initialWeights === undefined ? {} : { initialWeights: createHash("sha256").update(initialWeights).digest("hex") };
  const state = await runTraining({
    program,
    engine: await createEngine(training.engine, { device: training.device }),
    seed,
    residents: {
      images: { dtype: "uint8", shape: [numSamples, 32, 32, 3], data: data.images },
      classes: tensorData("int64", [numSamples], Array.from(data.labels)),
    },
    batchSize: options.batchSize,
    totalSteps,
    inputsOf: (step) => ({
      learningRate: triangularSchedule(step, totalSteps, options.learningRate, options.warmUp),
      averageDecay: powerAverageDecay(step, options.averageExponent),
      values: { indices: batchIndices(seed, numSamples, options.batchSize, step) },
    }),
    prepare: (fresh) =>
      initialWeights === undefined ? fresh : stateFromWeights(program, seed, readGenerator(initialWeights).tensors),
    store: training.store,
    stepsPerCheckpoint,
    fingerprint: JSON.stringify({ model: "generator", options: identity, seed, numSamples, ...startsFrom }),
    signal: training.signal,
    onProgress: training.onProgress,
    onCheckpoint: async ({ vectors, step }) => {
      await training.onWeights?.(weightsFile(program, options, vectors["average"]!, step), step);
    },
  });
  return weightsFile(program, options, state.vectors["average"]!, totalSteps);
}

function weightsFile(
  program: TrainingProgram,
  options: GeneratorTrainingOptions,
  average: Float32Array,
  step: number,
): Uint8Array {
  const keys = Object.keys(generatorNetworkSchema.shape) as (keyof typeof generatorNetworkSchema.shape)[];
  const network = Object.fromEntries(keys.map((key) => [key, options[key]]));
  const metadata = {
    model: "generator",
    network: JSON.stringify(generatorNetworkSchema.parse(network)),
    images: String(step * options.batchSize),
  };
  return writeSafetensors({ tensors: namedParts(program.parameters, average), metadata }, "F16");
}

/** The graph that trains the denoiser on a set of `numSamples` images. */
export function generatorProgram(options: GeneratorTrainingOptions, numSamples: number): TrainingProgram {
  const { batchSize } = options;
  return buildTrainingProgram({
    residents: {
      images: { dtype: "uint8", shape: [numSamples, 32, 32, 3] },
      classes: { dtype: "int64", shape: [numSamples] },
    },
    step: { indices: { dtype: "int64", shape: [batchSize] } },
    optimizer: adamw({ beta1: 0.9, beta2: 0.99, weightDecay: options.weightDecay }),
    stepsPerCall: 10,
    clipNorm: options.clipNorm,
    loss: ({ scope, residents, step }) => generatorLoss({ scope, residents, step }, options),
  });
}

/**
 * EDM's loss: weight(sigma) · |D(y + n; sigma) - y|² with weight = 1 / out(sigma)², which makes it the plain mean
 * square of F minus what F should be.
 * @see Karras et al. 2022, arXiv:2206.00364, eq. 8
 */
function generatorLoss({ scope, residents, step }: LossInputs, options: GeneratorTrainingOptions): Tensor {
  const { batchSize, numClasses } = options;
  const draw = (kind: "normal" | "uniform", stream: keyof typeof randomStreams, shape: readonly number[]) =>
    scope.random(kind, randomStreams[stream], shape);
  const flipped = coin(draw("uniform", "trainFlip", [batchSize]));
  const clean = flipWhere(imagesFromBytes(gather(residents["images"]!, step["indices"]!)), flipped);
  const sigma = exp(add(mul(draw("normal", "trainSigma", [batchSize]), logSigmaDeviation), logSigmaMean));
  const noise = mul(draw("normal", "trainNoise", clean.shape), reshape(sigma, [-1, 1, 1, 1]));
  const noisy = add(clean, noise);
  const factors = preconditioning(sigma);
  let classes: Tensor | undefined;
  if (numClasses > 0) {
    const known = gather(residents["classes"]!, step["indices"]!);
    const hidden = less(draw("uniform", "classDropout", [batchSize]), options.classDropout);
    classes = where(hidden, numClasses, known);
  }
  const network = unet(scope, mul(noisy, factors.in), factors.noise, classes, options);
  const error = sub(network, div(sub(clean, mul(noisy, factors.skip)), factors.out));
  return mean(mul(error, error));
}
