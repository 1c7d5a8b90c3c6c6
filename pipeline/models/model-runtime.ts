import type { TrainingStore } from "../../engine/training/run-training.ts";
import type { CifarImages } from "../cifar-10/read-cifar-10.ts";
import type { Config } from "../run/config.ts";
import type { ModelName } from "../run/run-folder.ts";

/** Makes images: what the pipeline needs of a generator. */
export interface Sampler {
  /** Images to ask for at once, for full speed. */
  readonly batchSize: number;
  /** Denoiser calls per image. */
  readonly nfe: number;
  /**
   * @param request.classes - −1 for none
   * @returns uint8, shape [n, 32, 32, 3]; each image depends on its id and class only
   */
  sample(request: { readonly ids: Float64Array; readonly classes: Int8Array }): Promise<Uint8Array>;
  close(): Promise<void>;
}

/** Names images: what the pipeline needs of a labeler. */
export interface Labeler {
  /** Images to ask for at once, for full speed. */
  readonly batchSize: number;
  /**
   * @param images - uint8, shape [n, 32, 32, 3]
   * @returns float32, shape [n, 10], probabilities
   */
  label(images: Uint8Array): Promise<Float32Array>;
  close(): Promise<void>;
}

/** What a training gets. */
export interface TrainingTask {
  readonly config: Config;
  /** Weights to start from, for a generator; random ones where undefined. */
  readonly initialWeights: Uint8Array | undefined;
  /** Whether to tune these weights to need fewer calls, by the options of `tuning`. */
  readonly tune: boolean;
  /** Whether the training of a generator shall end soon: its learning rate falls from now on. */
  readonly finish: boolean;
  readonly train: CifarImages;
  readonly test: CifarImages;
  /** Keeps checkpoints and the log; the training goes on from what is there. */
  readonly store: TrainingStore;
  /** Keeps a picture of what a generator makes after some steps. */
  readonly saveGrid: (png: Uint8Array, step: number) => Promise<void>;
  /** Keeps the averaged weights after some steps, under a key of the average. */
  readonly saveEma: (weights: Uint8Array, key: string, step: number) => Promise<void>;
  readonly signal: AbortSignal;
  readonly onProgress: (progress: {
    readonly images: number;
    /** Of these, the images that were seen before this call, up to the checkpoint it goes on from. */
    readonly imagesBefore: number;
    readonly loss: number;
  }) => void;
}

/** A finished training. */
export interface TrainedModel {
  /** A safetensors file. */
  readonly weights: Uint8Array;
  /** Figures worth showing, such as the test accuracy. */
  readonly figures: Readonly<Record<string, number>>;
}

/** Everything the pipeline asks of generators and labelers. Models made elsewhere plug in here. */
export interface ModelRuntime {
  /** @throws Cifar5mError `engine/unknown-device`, `engine/device-missing` where the configured device cannot be used */
  requireDevice(config: Config): Promise<void>;
  /** @param weights - a safetensors file, or an ONNX file with its description within */
  openSampler(config: Config, weights: Uint8Array): Promise<Sampler>;
  /** @param weights - a safetensors file, or an ONNX file with its description within */
  openLabeler(config: Config, weights: Uint8Array): Promise<Labeler>;
  /** Images a training, or the tuning of a generator, sees, counting every pass. */
  readonly trainingImages: Readonly<Record<ModelName | "tuning", (config: Config) => number>>;
  readonly train: Readonly<Record<ModelName, (task: TrainingTask) => Promise<TrainedModel>>>;
}
