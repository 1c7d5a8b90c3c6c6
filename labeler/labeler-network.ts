import type { Tensor } from "../engine/graph/graph.ts";
import { tensorData } from "../engine/graph/tensor.ts";
import { div, sub } from "../engine/ops/elementwise.ts";
import type { Scope } from "../engine/parameters/parameters.ts";
import { resnet, resnetFeatureMaps, resnetFeatures } from "../networks/resnet.ts";
import type { LabelerNetworkOptions } from "./options.ts";

/** Mean and standard deviation of CIFAR-10's training pixels in [0, 1], for red, green and blue. */
export const pixelMean = [0.4914, 0.4822, 0.4465] as const;
export const pixelStd = [0.247, 0.2435, 0.2616] as const;

/**
 * The labeler's network.
 * @param images - [N, 3, 32, 32], numbers in [-1, 1]
 * @returns logits, [N, 10]
 */
export function labelerNetwork(scope: Scope, images: Tensor, options: LabelerNetworkOptions): Tensor {
  return resnet(scope, normalize(images), { ...options, numClasses: 10, logitScale: 1 / 8 });
}

/**
 * The features that the labeler's last layer gets.
 * @param images - [N, 3, 32, 32], numbers in [-1, 1]
 * @returns [N, last width]
 */
export function labelerFeatures(scope: Scope, images: Tensor, options: LabelerNetworkOptions): Tensor {
  return resnetFeatures(scope, normalize(images), options);
}

/**
 * The features after each group of the labeler's layers, from fine to coarse.
 * @param images - [N, 3, 32, 32], numbers in [-1, 1]
 * @returns [N, width, 16, 16], [N, width, 8, 8], and so on; fewer pixels for labelers that do not pad
 */
export function labelerFeatureMaps(scope: Scope, images: Tensor, options: LabelerNetworkOptions): Tensor[] {
  return resnetFeatureMaps(scope, normalize(images), options);
}

function normalize(images: Tensor): Tensor {
  const perChannel = (values: readonly number[]) => images.graph.constant(tensorData("float32", [1, 3, 1, 1], values));
  return div(
    sub(images, perChannel(pixelMean.map((mean) => 2 * mean - 1))),
    perChannel(pixelStd.map((std) => 2 * std)),
  );
}
