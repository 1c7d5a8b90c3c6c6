import { randomStreams } from "../core/random.ts";
import { crossEntropy, oneHot } from "../engine/composites/losses.ts";
import { createEngine } from "../engine/create-engine.ts";
import { type EngineName, type Precision, precisionIdentity } from "../engine/executor.ts";
import { gather } from "../engine/ops/gather.ts";
import { sgd } from "../engine/optimizers.ts";
import { namedParts } from "../engine/parameters.ts";
import { runTraining, type TrainingProgress, type TrainingStore } from "../engine/run-training.ts";
import { writeSafetensors } from "../engine/safetensors.ts";
import { tensorData } from "../engine/tensor.ts";
import type { TrainingState } from "../engine/trainer.ts";
import { buildTrainingProgram, type LossInputs, type TrainingProgram } from "../engine/training-program.ts";
import { coin, flipWhere, randomTranslation } from "../networks/augment.ts";
import { batchIndices } from "../networks/batch-order.ts";
import { imagesFromBytes } from "../networks/image-input.ts";
import { whiteningName, whiteningSide } from "../networks/resnet.ts";
import { triangularSchedule } from "../networks/schedules.ts";
import { whiteningFilters } from "../networks/whitening.ts";
import { labelerNetwork, pixelDeviation, pixelMean } from "./labeler-network.ts";
import { type LabelerTrainingOptions, labelerNetworkSchema } from "./options.ts";

/** Images with their classes: uint8 [N, 32, 32, 3] flattened, and N class numbers. */
export interface LabelledImages {
  readonly images: Uint8Array;
  readonly labels: Uint8Array;
}

export interface TrainLabelerOptions {
  readonly data: LabelledImages;
  readonly options: LabelerTrainingOptions;
  readonly seed: number;
  readonly engine: EngineName;
  readonly device: string;
  readonly precision?: Precision | undefined;
  readonly store: TrainingStore;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: (progress: TrainingProgress) => void;
}

const imageBytes = 32 * 32 * 3;
/** Images that the whitening filters are computed from. */
const numWhiteningImages = 2000;

/**
 * Trains the classifier: flips, translations, label smoothing, SGD with Nesterov momentum, a triangular learning rate
 * and averaged weights.
 * @returns the weights as a safetensors file, float16, with the architecture in its metadata
 */
export async function trainLabeler(training: TrainLabelerOptions): Promise<Uint8Array> {
  const { data, options, seed } = training;
  const numSamples = data.labels.length;
  const totalSteps = Math.max(1, Math.round((options.epochs * numSamples) / options.batchSize));
  const program = labelerProgram(options, numSamples, { scalesLoss: training.precision === "mixed" });
  const state = await runTraining({
    program,
    engine: await createEngine(training.engine, training),
    seed,
    residents: {
      images: { dtype: "uint8", shape: [numSamples, 32, 32, 3], data: data.images },
      labels: tensorData("int64", [numSamples], Array.from(data.labels)),
    },
    batchSize: options.batchSize,
    totalSteps,
    inputsOf: (step) => ({
      learningRate: triangularSchedule(step, totalSteps, options.learningRate, 0.2),
      averageDecay: step < 50 ? 0 : 0.99,
      values: { indices: batchIndices(seed, numSamples, options.batchSize, step) },
    }),
    prepare: (fresh) => withWhitening(program, fresh, data.images),
    store: training.store,
    stepsPerCheckpoint: 100,
    fingerprint: JSON.stringify({
      model: "labeler",
      options,
      seed,
      numSamples,
      ...precisionIdentity(training.precision),
    }),
    signal: training.signal,
    onProgress: training.onProgress,
  });
  const tensors = new Map([
    ...namedParts(program.parameters, state.vectors["average"]!),
    ...namedParts(program.states, state.vectors["averageStates"]!),
  ]);
  const architecture = labelerNetworkSchema.parse({ widths: options.widths, activation: options.activation });
  const metadata = {
    model: "labeler",
    network: JSON.stringify(architecture),
    images: String(totalSteps * options.batchSize),
  };
  return writeSafetensors({ tensors, metadata }, "F16");
}

/** The graph that trains the labeller on a set of `numSamples` images. */
export function labelerProgram(
  options: LabelerTrainingOptions,
  numSamples: number,
  { scalesLoss = false } = {},
): TrainingProgram {
  const { batchSize } = options;
  return buildTrainingProgram({
    scalesLoss,
    residents: {
      images: { dtype: "uint8", shape: [numSamples, 32, 32, 3] },
      labels: { dtype: "int64", shape: [numSamples] },
    },
    step: { indices: { dtype: "int64", shape: [batchSize] } },
    optimizer: sgd({ momentum: 0.9, nesterov: true, weightDecay: options.weightDecay }),
    stepsPerCall: 10,
    loss: ({ scope, residents, step }: LossInputs) => {
      const images = imagesFromBytes(gather(residents["images"]!, step["indices"]!));
      const flips = scope.random("uniform", randomStreams.trainFlip, [batchSize]);
      const shifts = scope.random("uniform", randomStreams.trainCrop, [batchSize, 2]);
      const moved = randomTranslation(flipWhere(images, coin(flips)), options.translation, shifts);
      const target = oneHot(gather(residents["labels"]!, step["indices"]!), 10);
      return crossEntropy(labelerNetwork(scope, moved, options), target, options);
    },
  });
}

/** Puts whitening filters of the first images into a fresh state. */
function withWhitening(program: TrainingProgram, state: TrainingState, bytes: Uint8Array): TrainingState {
  const numImages = Math.min(numWhiteningImages, bytes.length / imageBytes);
  const normalized = new Float32Array(numImages * imageBytes);
  for (let index = 0; index < normalized.length; index++) {
    const channel = index % 3;
    const image = Math.floor(index / imageBytes);
    const pixel = Math.floor((index % imageBytes) / 3);
    normalized[image * imageBytes + channel * 1024 + pixel] =
      (bytes[index]! / 255 - pixelMean[channel]!) / pixelDeviation[channel]!;
  }
  const filters = whiteningFilters(normalized, [numImages, 3, 32, 32], whiteningSide);
  for (const name of ["parameters", "average"]) {
    namedParts(program.parameters, state.vectors[name]!).get(whiteningName)!.data.set(filters);
  }
  return state;
}
