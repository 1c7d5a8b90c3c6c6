import {
  cifar10Mean,
  cifar10Std,
  imageBytes,
  imageChannels,
  imagePixels,
  type LabeledImages,
} from "../core/image-layout.ts";
import { createEngine } from "../engine/create-engine.ts";
import { executionIdentity, type SeededExecution } from "../engine/executor.ts";
import { tensorData } from "../engine/graph/tensor.ts";
import { unflattenParameters } from "../engine/parameters/parameters.ts";
import { writeSafetensors } from "../engine/parameters/safetensors.ts";
import {
  loadCheckpoint,
  runTraining,
  type TrainingProgress,
  type TrainingStore,
} from "../engine/training/run-training.ts";
import type { TrainingProgram } from "../engine/training/training-program.ts";
import { initialState, type TrainingState } from "../engine/training/training-state.ts";
import { whiteningName, whiteningSide } from "../networks/resnet.ts";
import { triangularSchedule } from "../networks/schedules.ts";
import { whiteningFilters } from "../networks/whitening.ts";
import { hashOfImages } from "../storage/sha256.ts";
import { fitTemperature } from "./calibration.ts";
import { createLabeler } from "./create-labeler.ts";
import { holdOut, labelerSteps } from "./hold-out.ts";
import { labelerBatch, labelerProgram } from "./labeler-program.ts";
import { type LabelerTrainingOptions, labelerIdentity, labelerNetworkSchema } from "./options.ts";
import type { TrainedLabeler } from "./read-labeler.ts";

export interface TrainLabelerOptions extends SeededExecution {
  readonly data: LabeledImages;
  readonly options: LabelerTrainingOptions;

  readonly store: TrainingStore;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: (progress: TrainingProgress) => void;
}

/** Number of images from which the whitening filters are computed. */
const numWhiteningImages = 2000;
/** Part of the steps over which the learning rate rises; over the others it falls. */
const warmUp = 0.2;
/** The average of the weights that is kept. */
export interface Ema {
  /** The first step that is averaged: the first, fast changes are over by then. */
  readonly start: number;
  readonly decay: number;
}

/** Trainings of 1,500 steps or more average over about 100 steps, and shorter ones over a fifteenth. */
export function emaOf(totalSteps: number): Ema {
  const window = Math.min(100, totalSteps / 15);
  return { start: Math.min(50, totalSteps / 30), decay: 1 - 1 / Math.max(1, window) };
}

/** The average of earlier releases, for trainings that began with it. */
const earlierEma: Ema = { start: 50, decay: 0.99 };

/**
 * Trains the classifier with flips, translations, JPEG artifacts, label smoothing, Muon, a triangular learning rate and EMA
 * weights. Then it calibrates the probabilities on images that were not used for training.
 * @returns the EMA weights as a safetensors file, float16, with the architecture in its metadata
 */
export async function trainLabeler(training: TrainLabelerOptions): Promise<Uint8Array> {
  const { options, seed } = training;
  const { data, heldOut } = holdOut(training.data, options.heldOut, seed);
  const numSamples = data.labels.length;
  const totalSteps = labelerSteps(options, training.data.labels.length);
  const program = labelerProgram(options, numSamples, { scalesLoss: training.precision === "mixed" });
  const identity = {
    model: "labeler",
    options: labelerIdentity(options),
    seed,
    numSamples,
    // Engine and device are left out: a training may resume on another device, unless its caller pins the device.
    precision: executionIdentity(training).precision,
  };
  const earlier = JSON.stringify(identity);
  const fingerprint = JSON.stringify({ ...identity, data: hashOfImages(training.data) });
  const checkpoint = await loadCheckpoint({ store: training.store, fingerprint, earlier: [earlier] });
  const ema = checkpoint?.fingerprint === earlier ? earlierEma : emaOf(totalSteps);
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
      learningRate: triangularSchedule(step, totalSteps, options.learningRate, warmUp),
      emaDecay: step < ema.start ? 0 : ema.decay,
      values: labelerBatch(options, numSamples, seed, step),
    }),
    start: () => withWhitening(program, initialState(program, seed), data.images),
    store: training.store,
    stepsPerCheckpoint: 100,
    checkpoint,
    fingerprint: checkpoint?.fingerprint ?? fingerprint,
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
  const calibrated = async (rule: Readonly<Record<string, string>>): Promise<Readonly<Record<string, string>>> => {
    if (heldOut.labels.length === 0) return rule;
    const batchSize = Math.min(100, options.batchSize);
    const labeler = await createLabeler({ ...training, weights: encode(rule), batchSize });
    const probabilities = await labeler.label(heldOut.images).finally(() => labeler.close());
    return { ...rule, temperature: fitTemperature(probabilities, heldOut.labels).toPrecision(6) };
  };
  const ofTwoViews = await calibrated({});
  if (options.viewsBelow === 0) return encode(ofTwoViews);
  const rule: TrainedLabeler["views"] = {
    threshold: options.viewsBelow,
    temperature: Number(ofTwoViews["temperature"] ?? 1),
  };
  // Calibrated once more, under the rule by which they are used.
  return encode(await calibrated({ views: JSON.stringify(rule) }));
}

/** Computes the whitening filters from images spread over the data, which may be in order of their classes, and puts them into an initial state. */
function withWhitening(program: TrainingProgram, state: TrainingState, bytes: Uint8Array): TrainingState {
  const numSamples = bytes.length / imageBytes;
  const numImages = Math.min(numWhiteningImages, numSamples);
  const normalized = new Float32Array(numImages * imageBytes);
  for (let index = 0; index < normalized.length; index++) {
    const channel = index % imageChannels;
    const image = Math.floor(index / imageBytes);
    const byte = Math.floor((image * numSamples) / numImages) * imageBytes + (index % imageBytes);
    const pixel = Math.floor((index % imageBytes) / imageChannels);
    normalized[image * imageBytes + channel * imagePixels + pixel] =
      (bytes[byte]! / 255 - cifar10Mean[channel]!) / cifar10Std[channel]!;
  }
  const filters = whiteningFilters(normalized, [numImages, 3, 32, 32], whiteningSide);
  for (const name of ["parameters", "average"]) {
    unflattenParameters(program.parameters, state.vectors[name]!).get(whiteningName)!.data.set(filters);
  }
  return state;
}
