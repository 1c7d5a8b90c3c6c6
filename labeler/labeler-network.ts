import { cifar10Mean, cifar10Std } from "../core/image-layout.ts";
import type { Graph, Tensor } from "../engine/graph/graph.ts";
import { tensorData } from "../engine/graph/tensor.ts";
import { div, sub } from "../engine/ops/elementwise.ts";
import type { Scope } from "../engine/parameters/parameters.ts";
import { resnet, resnetFeatureMaps, resnetFeatures, resnetLogits } from "../networks/resnet.ts";
import type { LabelerNetworkOptions } from "./options.ts";

const head = { numClasses: 10, logitScale: 1 / 8 };

/**
 * The labeler's network.
 * @param images - [N, 3, 32, 32], numbers in [-1, 1]
 * @returns logits, [N, 10]
 */
export function labelerNetwork(scope: Scope, images: Tensor, options: LabelerNetworkOptions): Tensor {
  return resnet(scope, normalize(images), { ...options, ...head });
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
 * The labeler's logits, and the features after each group of its layers, from fine to coarse.
 * @param images - [N, 3, 32, 32], numbers in [-1, 1]
 * @returns maps: [N, width, 16, 16], [N, width, 8, 8], and so on; fewer pixels for labelers that do not pad. logits: [N, 10]
 */
export function labelerOutputs(
  scope: Scope,
  images: Tensor,
  options: LabelerNetworkOptions,
): { maps: Tensor[]; logits: Tensor } {
  const maps = resnetFeatureMaps(scope, normalize(images), options);
  return { maps, logits: resnetLogits(scope, maps, head) };
}

function normalize(images: Tensor): Tensor {
  return div(
    sub(images, meanPixel(images.graph)),
    perChannel(
      images.graph,
      cifar10Std.map((std) => 2 * std),
    ),
  );
}

/** The pixel that becomes zero when the labeler normalizes it, [1, 3, 1, 1], numbers in [-1, 1]. */
export function meanPixel(graph: Graph): Tensor {
  return perChannel(
    graph,
    cifar10Mean.map((mean) => 2 * mean - 1),
  );
}

function perChannel(graph: Graph, values: readonly number[]): Tensor {
  return graph.constant(tensorData("float32", [1, 3, 1, 1], values));
}
