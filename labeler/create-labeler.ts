import { constantScope } from "../engine/inference.ts";
import { add, mul } from "../engine/ops/elementwise.ts";
import { softmax } from "../engine/ops/normalize.ts";
import { slice } from "../engine/ops/shape.ts";
import { compileImageFunction, type ImageFunction, type ImageFunctionOptions } from "./image-function.ts";
import { labelerFeatures, labelerNetwork } from "./labeler-network.ts";
import { readLabeler } from "./read-labeler.ts";

/** Gives images their classes. */
export interface Labeler {
  /** Images to ask for at once, for full speed. */
  readonly batchSize: number;
  /**
   * @param images - uint8 [n, 32, 32, 3] flattened, any n
   * @returns probability of each class, [n, 10] flattened; the same for any grouping of the images into calls
   */
  label(images: Uint8Array): Promise<Float32Array>;
  close(): Promise<void>;
}

export interface CreateLabelerOptions extends ImageFunctionOptions {
  /** A safetensors file made by `trainLabeler`. */
  readonly weights: Uint8Array;
}

/**
 * A labeller that averages the logits of each image and its mirror image.
 * @throws BuilderError `weights/corrupt` or `weights/wrong-architecture`
 */
export async function createLabeler({ weights, ...options }: CreateLabelerOptions): Promise<Labeler> {
  const { tensors, network } = readLabeler(weights);
  const { batchSize, run, close } = await compileImageFunction(options, (images) => {
    const mirrored = slice(images, [{ axis: 3, start: 31, end: -Infinity, step: -1 }]);
    const logits = [images, mirrored].map((view) =>
      labelerNetwork(constantScope(images.graph, tensors), view, network),
    );
    return softmax(mul(add(logits[0]!, logits[1]!), 0.5));
  });
  return { batchSize, label: run, close };
}

/**
 * What the labeller's last layer sees of each image: numbers that tell images apart by what they show. The mirror image
 * is not looked at.
 * @throws BuilderError `weights/corrupt` or `weights/wrong-architecture`
 */
export async function createLabelerFeatures({ weights, ...options }: CreateLabelerOptions): Promise<ImageFunction> {
  const { tensors, network } = readLabeler(weights);
  return await compileImageFunction(options, (images) =>
    labelerFeatures(constantScope(images.graph, tensors), images, network),
  );
}
