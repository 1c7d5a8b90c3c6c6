import { createEngine } from "../engine/create-engine.ts";
import type { Engine } from "../engine/executor.ts";
import { isDescribedOnnx } from "../engine/onnx/onnx-description.ts";
import { mul } from "../engine/ops/elementwise.ts";
import { softmax } from "../engine/ops/normalize.ts";
import { constantScope } from "../engine/parameters/constant-scope.ts";
import { bothWays, openLookingAgain } from "./averaged-views.ts";
import { foreignLabelerGraph } from "./foreign-labeler.ts";
import {
  type ImageFunction,
  type ImageFunctionOptions,
  type ImageGraph,
  imageGraph,
  openImageFunction,
} from "./image-function.ts";
import { labelerFeatures } from "./labeler-network.ts";
import { readLabeler, type TrainedLabeler } from "./read-labeler.ts";

/** Classifies images. */
export interface Labeler {
  /** How many images to pass at once for full speed. */
  readonly batchSize: number;
  /**
   * @param images - uint8 [n, 32, 32, 3] flattened, any n
   * @param signal - no further batch begins once it is aborted
   * @returns the probability of each class, [n, 10] flattened; it does not depend on how images are grouped into calls
   * @throws the signal's reason
   */
  label(images: Uint8Array, signal?: AbortSignal): Promise<Float32Array>;
  close(): Promise<void>;
}

export interface CreateLabelerOptions extends ImageFunctionOptions {
  /** A safetensors file made by `trainLabeler`, or an ONNX file that contains its description. */
  readonly weights: Uint8Array;
}

/**
 * Opens a labeler. A labeler that was trained by this package averages the logits of each image and its mirror image, and
 * those of further views where it is unsure, if its weights say so. A labeler that was made elsewhere is called once per
 * image.
 * @throws Cifar5mError `weights/corrupt`, `weights/wrong-architecture`, `model/…`
 */
export async function createLabeler({
  weights,
  batchSize,
  engine: name,
  ...where
}: CreateLabelerOptions): Promise<Labeler> {
  const engine = await createEngine(name, where);
  const { run, ...labeler } = isDescribedOnnx(weights)
    ? await openImageFunction(engine, await foreignLabelerGraph(weights, batchSize, engine))
    : await openTrained(engine, readLabeler(weights), batchSize);
  return { ...labeler, label: run };
}

function openTrained(engine: Engine, labeler: TrainedLabeler, batchSize: number): Promise<ImageFunction> {
  const { views } = labeler;
  if (views === undefined || views.threshold === 0) return openImageFunction(engine, twoViews(labeler, batchSize));
  return openLookingAgain(engine, { ...labeler, views }, batchSize);
}

/**
 * The graph of a labeler that was trained by this package, with two views of each image.
 * @param weights - a safetensors file made by `trainLabeler`
 * @throws Cifar5mError `weights/corrupt` or `weights/wrong-architecture`
 */
export function trainedLabelerGraph(weights: Uint8Array, batchSize: number): ImageGraph {
  return twoViews(readLabeler(weights), batchSize);
}

function twoViews(labeler: TrainedLabeler, batchSize: number): ImageGraph {
  return imageGraph(batchSize, (images) => softmax(mul(bothWays(labeler, images), 0.5 / labeler.temperature)));
}

/**
 * Opens a function that computes the input of the last layer of a labeler: features that describe the content of an image.
 * The labeler must be trained by this package. Mirror images are not used.
 * @throws Cifar5mError `weights/corrupt` or `weights/wrong-architecture`
 */
export async function createLabelerFeatures(options: CreateLabelerOptions): Promise<ImageFunction> {
  const { weights, engine, batchSize } = options;
  const { tensors, network } = readLabeler(weights);
  const features = imageGraph(batchSize, (images) =>
    labelerFeatures(constantScope(images.graph, tensors), images, network),
  );
  return await openImageFunction(await createEngine(engine, options), features);
}
