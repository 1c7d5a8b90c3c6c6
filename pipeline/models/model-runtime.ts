import type { LabeledImages } from "../../core/image-layout.ts";
import type { TrainingProgress, TrainingStore } from "../../engine/training/run-training.ts";
import type { Sampler } from "../../generator/sampling/denoiser-sampler.ts";
import type { Labeler } from "../../labeler/create-labeler.ts";
import type { Config, TrainingSection } from "../run/config.ts";

/** A way to tune a generator. */
export type Tuning =
  | { readonly method: "consistency" }
  /** `labeler` is a safetensors file. The discriminator sees its features. */
  | { readonly method: "adversarial"; readonly labeler: Uint8Array };

/** The input of a training. */
export interface TrainingTask {
  readonly config: Config;
  readonly train: LabeledImages;
  readonly test: LabeledImages;
  /** Keeps checkpoints and the log. The training continues from its content. */
  readonly store: TrainingStore;
  readonly signal: AbortSignal;
  readonly onProgress: (progress: TrainingProgress) => void;
}

/** The input of a generator's training. */
export interface GeneratorTask extends TrainingTask {
  /** Weights to start from; undefined for random weights. */
  readonly initialWeights: Uint8Array | undefined;
  /** How to tune these weights, if they are to be tuned: by the options of the method's section. */
  readonly tune: Tuning | undefined;
  /** Whether the learning rate falls from now on, so that the training ends soon. */
  readonly finish: boolean;
  /** Keeps a picture of the generator's images after some steps. */
  readonly saveGrid: (png: Uint8Array, step: number) => Promise<void>;
  /** Keeps the averaged weights after some steps, under a key of the average. */
  readonly saveEma: (weights: Uint8Array, key: string, step: number) => Promise<void>;
}

/** The result of a training. */
export interface TrainedModel {
  /** A safetensors file. */
  readonly weights: Uint8Array;
  /** Figures to show, such as the test accuracy. */
  readonly figures: Readonly<Record<string, number>>;
}

/** Everything that the pipeline needs of generators and labelers. Models made elsewhere implement this interface. */
export interface ModelRuntime {
  /** @throws Cifar5mError `engine/unknown-device`, `engine/device-missing` if the configured device cannot be used */
  requireDevice(config: Config): Promise<void>;
  /** @param weights - a safetensors file, or an ONNX file with its description inside */
  openSampler(config: Config, weights: Uint8Array): Promise<Sampler>;
  /** @param weights - a safetensors file, or an ONNX file with its description inside */
  openLabeler(config: Config, weights: Uint8Array): Promise<Labeler>;
  /** Number of images that a training, or the tuning of a generator, sees, counting every pass. */
  readonly trainingImages: Readonly<Record<TrainingSection, (config: Config) => number>>;
  readonly train: {
    readonly generator: (task: GeneratorTask) => Promise<TrainedModel>;
    readonly labeler: (task: TrainingTask) => Promise<TrainedModel>;
  };
}
