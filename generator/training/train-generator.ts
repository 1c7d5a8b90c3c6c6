import { randomStreams } from "../../core/random.ts";
import type { Tensor } from "../../engine/graph/graph.ts";
import { div, less, mul, sub, where } from "../../engine/ops/elementwise.ts";
import { mean } from "../../engine/ops/reduce.ts";
import type { ParameterSpec } from "../../engine/parameters/parameters.ts";
import { muon } from "../../engine/training/muon.ts";
import { adamw } from "../../engine/training/optimizers.ts";
import type { LoadedCheckpoint } from "../../engine/training/run-training.ts";
import type { LossInputs } from "../../engine/training/training-definition.ts";
import { buildTrainingProgram, type TrainingProgram } from "../../engine/training/training-program.ts";
import { unet } from "../../networks/unet.ts";
import { preconditioning } from "../preconditioning.ts";
import { readGenerator } from "../read-generator.ts";
import type { GeneratorTrainingOptions } from "./options.ts";
import {
  type GeneratorTraining,
  networkOf,
  runDenoiserTraining,
  type TrainingSchedule,
} from "./run-denoiser-training.ts";
import { addNoise, trainingBatch, trainingResidents } from "./training-batch.ts";
import { endOfTraining, type TrainingEnd, trapezoidalRate } from "./training-schedule.ts";

/** ln(sigma) in training (Karras et al. 2022, table 1). */
const logSigma = { mean: -1.2, std: 1.2 };

export interface TrainGeneratorOptions extends GeneratorTraining {
  /** Initial weights: a generator of the same architecture, a safetensors file. Random weights by default. */
  readonly initialWeights?: Uint8Array | undefined;
  readonly options: GeneratorTrainingOptions;
  /** Whether to start the cool-down now, so that the training ends soon. It has no effect once the cool-down has begun. */
  readonly finish?: boolean | undefined;
}

/**
 * Trains a denoiser with EDM's loss, mirrored images, clipped gradients and EMA weights.
 * @returns the EMA weights as a safetensors file, float16, with the architecture in its metadata
 * @throws Cifar5mError `train/nothing-to-finish`, `train/cooling-down`, `train/too-few-images`; `train/config-changed`,
 *   `train/diverged`, `interrupted`; `weights/…` for weights to start from
 */
export async function trainGenerator(training: TrainGeneratorOptions): Promise<Uint8Array> {
  const { options, initialWeights: file, finish = false } = training;
  // `numImages` is not part of the identity, so a training in progress may get more images.
  const { stepsPerCheckpoint, numImages, ...identity } = options;
  return await runDenoiserTraining(training, {
    program: generatorProgram(options, training.data.labels.length, { scalesLoss: training.precision === "mixed" }),
    options,
    emaExponents: options.emaExponents,
    schedule: (checkpoint) => generatorSchedule(options, checkpoint, finish),
    network: networkOf(options),
    initial: file === undefined ? undefined : { file, tensors: readGenerator(file).tensors },
    identity: { options: identity },
    metadata: {},
  });
}

function generatorSchedule(
  options: GeneratorTrainingOptions,
  checkpoint: LoadedCheckpoint | undefined,
  finish: boolean,
): TrainingSchedule {
  const saved = checkpoint && { step: checkpoint.state.step, end: parseEnd(checkpoint.extraState) };
  const end = endOfTraining(options, saved, finish);
  return {
    totalSteps: end.totalSteps,
    learningRate: (step) => trapezoidalRate(step, options, end),
    extraState: (step) => (step > end.coolDownStart ? JSON.stringify(end) : ""),
  };
}

function parseEnd(text: string): TrainingEnd | undefined {
  return text === "" ? undefined : (JSON.parse(text) as TrainingEnd);
}

/** Whether Muon trains a parameter: the filters and matrices between the first layer and the last. */
function isHidden({ name }: ParameterSpec): boolean {
  return !/^(enter|leave)\.|^embedding\.class$/.test(name);
}

/** The graph that trains the denoiser on a set of `numSamples` images. */
export function generatorProgram(
  options: GeneratorTrainingOptions,
  numSamples: number,
  { scalesLoss = false } = {},
): TrainingProgram {
  const rest = adamw({ beta1: 0.9, beta2: 0.99, weightDecay: options.weightDecay });
  return buildTrainingProgram({
    scalesLoss,
    residents: trainingResidents(numSamples),
    step: { indices: { dtype: "int64", shape: [options.batchSize] } },
    optimizer: options.optimizer === "adamw" ? rest : muon({ isHidden, weightDecay: options.weightDecay, rest }),
    numEmas: options.emaExponents.length,
    stepsPerCall: 10,
    clipNorm: options.clipNorm,
    loss: (inputs) => generatorLoss(inputs, options),
  });
}

/**
 * EDM's loss: weight(sigma) · |D(y + n; sigma) - y|² with weight = 1 / out(sigma)². This is the mean squared error of the
 * network F.
 * @see Karras et al. 2022, arXiv:2206.00364, eq. 8
 */
function generatorLoss(inputs: LossInputs, options: GeneratorTrainingOptions): Tensor {
  const { scope } = inputs;
  const { clean, sigma, noise, classes: known } = trainingBatch(inputs, logSigma);
  const noisy = addNoise(clean, noise, sigma);
  const factors = preconditioning(sigma);
  let classes: Tensor | undefined;
  if (options.numClasses > 0) {
    const uniform = scope.random("uniform", randomStreams.classDropout, [options.batchSize]);
    classes = where(less(uniform, options.classDropout), options.numClasses, known);
  }
  const network = unet(scope, mul(noisy, factors.in), factors.noise, classes, options);
  const error = sub(network, div(sub(clean, mul(noisy, factors.skip)), factors.out));
  return mean(mul(error, error));
}
