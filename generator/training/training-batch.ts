import { randomStreams } from "../../core/random.ts";
import type { Tensor } from "../../engine/graph/graph.ts";
import { add, exp, mul } from "../../engine/ops/elementwise.ts";
import { gather } from "../../engine/ops/gather.ts";
import { reshape } from "../../engine/ops/reshape.ts";
import type { Declaration, LossInputs } from "../../engine/training/training-definition.ts";
import { coin, flipWhere } from "../../networks/augment.ts";
import { imagesFromBytes } from "../../networks/image-input.ts";

/** Images of one step. */
export interface ImageBatch {
  /** Pixels in [-1, 1], half of the images mirrored, [N, 3, 32, 32]. */
  readonly clean: Tensor;
  /** int64 [N]. */
  readonly classes: Tensor;
}

/** The data that a denoiser is trained on in one step. */
export interface TrainingBatch extends ImageBatch {
  /** Noise level of each image, [N]. */
  readonly sigma: Tensor;
  /** Standard normal numbers of the shape of `clean`. */
  readonly noise: Tensor;
}

/** The arrays that do not change during the training. */
export function trainingResidents(numSamples: number): Readonly<Record<"images" | "classes", Declaration>> {
  return {
    images: { dtype: "uint8", shape: [numSamples, 32, 32, 3] },
    classes: { dtype: "int64", shape: [numSamples] },
  };
}

/** The images at the `indices` of this step. */
export function imageBatch({ scope, residents, step }: LossInputs): ImageBatch {
  const indices = step["indices"]!;
  const flipped = coin(scope.random("uniform", randomStreams.trainFlip, [indices.shape[0]!]));
  return {
    clean: flipWhere(imagesFromBytes(gather(residents["images"]!, indices)), flipped),
    classes: gather(residents["classes"]!, indices),
  };
}

/**
 * The images at the `indices` of this step, and noise for them.
 * @param logSigma - mean and standard deviation of ln(sigma)
 */
export function trainingBatch(
  inputs: LossInputs,
  logSigma: { readonly mean: number; readonly std: number },
): TrainingBatch {
  const images = imageBatch(inputs);
  const { scope } = inputs;
  const { shape } = images.clean;
  const levels = scope.random("normal", randomStreams.trainSigma, [shape[0]!]);
  return {
    ...images,
    sigma: exp(add(mul(levels, logSigma.std), logSigma.mean)),
    noise: scope.random("normal", randomStreams.trainNoise, shape),
  };
}

/** Adds noise to images. Each image has its own standard deviation. */
export function addNoise(clean: Tensor, noise: Tensor, sigma: Tensor): Tensor {
  return add(clean, mul(noise, reshape(sigma, [-1, 1, 1, 1])));
}
