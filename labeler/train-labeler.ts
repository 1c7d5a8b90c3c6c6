import { imageBytes, imageChannels, imagePixels } from "../core/image-layout.ts";
import { createPermutation, permute } from "../core/permutation.ts";
import { type RandomStream, randomStreams } from "../core/random.ts";
import { crossEntropy, oneHot } from "../engine/composites/losses.ts";
import { createEngine } from "../engine/create-engine.ts";
import { executionIdentity, type SeededExecution } from "../engine/executor.ts";
import type { Tensor } from "../engine/graph/graph.ts";
import { tensorData } from "../engine/graph/tensor.ts";
import { add, less, mul, where } from "../engine/ops/elementwise.ts";
import { gather } from "../engine/ops/gather.ts";
import { reshape } from "../engine/ops/reshape.ts";
import { type ParameterSpec, type Scope, unflattenParameters } from "../engine/parameters/parameters.ts";
import { writeSafetensors } from "../engine/parameters/safetensors.ts";
import { muon } from "../engine/training/muon.ts";
import { type Optimizer, sgd } from "../engine/training/optimizers.ts";
import { runTraining, type TrainingProgress, type TrainingStore } from "../engine/training/run-training.ts";
import type { TrainingState } from "../engine/training/trainer.ts";
import { buildTrainingProgram, type LossInputs, type TrainingProgram } from "../engine/training/training-program.ts";
import { coin, flipWhere, randomTranslation } from "../networks/augment.ts";
import { batchIndices } from "../networks/batch-order.ts";
import { imagesFromBytes } from "../networks/image-input.ts";
import { jpegArtifacts } from "../networks/jpeg.ts";
import { whiteningName, whiteningSide } from "../networks/resnet.ts";
import { triangularSchedule } from "../networks/schedules.ts";
import { whiteningFilters } from "../networks/whitening.ts";
import { fitTemperature } from "./calibration.ts";
import { createLabeler } from "./create-labeler.ts";
import { labelerNetwork, pixelMean, pixelStd } from "./labeler-network.ts";
import { type LabelerTrainingOptions, labelerNetworkSchema } from "./options.ts";

/** Images, uint8 [N, 32, 32, 3] flattened, and their classes, [N]. */
export interface LabeledImages {
  readonly images: Uint8Array;
  readonly labels: Uint8Array;
}

export interface TrainLabelerOptions extends SeededExecution {
  readonly data: LabeledImages;
  readonly options: LabelerTrainingOptions;

  readonly store: TrainingStore;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: (progress: TrainingProgress) => void;
}

/** Number of images from which the whitening filters are computed. */
const numWhiteningImages = 2000;

/**
 * Trains the classifier with flips, translations, JPEG artifacts, label smoothing, Muon, a triangular learning rate and EMA
 * weights. Then it calibrates the probabilities on images that were not used for training.
 * @returns the EMA weights as a safetensors file, float16, with the architecture in its metadata
 */
export async function trainLabeler(training: TrainLabelerOptions): Promise<Uint8Array> {
  const { options, seed } = training;
  const { data, heldOut } = holdOut(training.data, options.heldOut, seed);
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
      emaDecay: step < 50 ? 0 : 0.99,
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
      // Engine and device are left out: a training may resume on another device, unless its caller pins the device.
      precision: executionIdentity(training).precision,
    }),
    signal: training.signal,
    onProgress: training.onProgress,
  });
  const tensors = new Map([
    ...unflattenParameters(program.parameters, state.vectors["average"]!),
    ...unflattenParameters(program.states, state.vectors["averageStates"]!),
  ]);
  const architecture = labelerNetworkSchema.parse({
    widths: options.widths,
    padded: options.padded,
    activation: options.activation,
  });
  const metadata = {
    model: "labeler",
    network: JSON.stringify(architecture),
    images: String(totalSteps * options.batchSize),
  };
  const encode = (more: Readonly<Record<string, string>>) =>
    writeSafetensors({ tensors, metadata: { ...metadata, ...more } }, "F16");
  if (heldOut.labels.length === 0) return encode({});
  const labeler = await createLabeler({
    ...training,
    weights: encode({}),
    batchSize: Math.min(100, options.batchSize),
  });
  const probabilities = await labeler.label(heldOut.images).finally(() => labeler.close());
  return encode({ temperature: fitTemperature(probabilities, heldOut.labels).toPrecision(6) });
}

/** Sets aside a part of the images. The seed determines which. */
function holdOut({ images, labels }: LabeledImages, part: number, seed: number) {
  const numHeldOut = Math.floor(part * labels.length);
  if (numHeldOut === 0)
    return { data: { images, labels }, heldOut: { images: images.subarray(0, 0), labels: labels.subarray(0, 0) } };
  const permutation = createPermutation({ size: labels.length, seed, id: 0, stream: randomStreams.heldOut });
  const order = Uint32Array.from(labels, (_, index) => permute(index, permutation));
  const take = (chosen: Uint32Array): LabeledImages => {
    const taken = new Uint8Array(chosen.length * imageBytes);
    chosen.forEach((from, to) => {
      taken.set(images.subarray(from * imageBytes, (from + 1) * imageBytes), to * imageBytes);
    });
    return { images: taken, labels: Uint8Array.from(chosen, (from) => labels[from]!) };
  };
  // Images stay in their order, so that they are read from front to back.
  return { data: take(order.slice(numHeldOut).sort()), heldOut: take(order.slice(0, numHeldOut).sort()) };
}

/** The graph that trains the labeler on a set of `numSamples` images. */
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
    optimizer: labelerOptimizer(options),
    stepsPerCall: 10,
    loss: ({ scope, residents, step }: LossInputs) => {
      const images = imagesFromBytes(gather(residents["images"]!, step["indices"]!));
      const flips = scope.random("uniform", randomStreams.trainFlip, [batchSize]);
      const shifts = scope.random("uniform", randomStreams.trainCrop, [batchSize, 2]);
      const moved = randomTranslation(flipWhere(images, coin(flips)), options.translation, shifts);
      const shown = options.jpeg === 0 ? moved : asJpegs(scope, moved, options.jpeg);
      const target = oneHot(gather(residents["labels"]!, step["indices"]!), 10);
      return crossEntropy(labelerNetwork(scope, shown, options), target, options);
    },
  });
}

function labelerOptimizer({
  optimizer,
  learningRate,
  muonLearningRate,
  muonWeightDecay,
  weightDecay,
}: LabelerTrainingOptions): Optimizer {
  const rest = sgd({ momentum: 0.9, nesterov: true, weightDecay });
  if (optimizer === "sgd") return rest;
  const isHidden = ({ name }: ParameterSpec) => name !== whiteningName && !name.startsWith("head.");
  return muon({ isHidden, rate: muonLearningRate / learningRate, weightDecay: muonWeightDecay, rest });
}

/** Adds JPEG artifacts of a random quality from 40 to 100 to some of the images. */
function asJpegs(scope: Scope, images: Tensor, probability: number): Tensor {
  const batchSize = images.shape[0]!;
  const uniform = (stream: RandomStream) => scope.random("uniform", stream, [batchSize]);
  const isChosen = less(uniform(randomStreams.trainJpeg), probability);
  const quality = add(mul(uniform(randomStreams.trainJpeg), 60), 40);
  return where(reshape(isChosen, [-1, 1, 1, 1]), jpegArtifacts(images, quality), images);
}

/** Computes the whitening filters from the first images and puts them into an initial state. */

function withWhitening(program: TrainingProgram, state: TrainingState, bytes: Uint8Array): TrainingState {
  const numImages = Math.min(numWhiteningImages, bytes.length / imageBytes);
  const normalized = new Float32Array(numImages * imageBytes);
  for (let index = 0; index < normalized.length; index++) {
    const channel = index % imageChannels;
    const image = Math.floor(index / imageBytes);
    const pixel = Math.floor((index % imageBytes) / imageChannels);
    normalized[image * imageBytes + channel * imagePixels + pixel] =
      (bytes[index]! / 255 - pixelMean[channel]!) / pixelStd[channel]!;
  }
  const filters = whiteningFilters(normalized, [numImages, 3, 32, 32], whiteningSide);
  for (const name of ["parameters", "average"]) {
    unflattenParameters(program.parameters, state.vectors[name]!).get(whiteningName)!.data.set(filters);
  }
  return state;
}
