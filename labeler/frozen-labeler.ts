import type { Tensor } from "../engine/graph/graph.ts";
import { constantScope } from "../engine/parameters/constant-scope.ts";
import { labelerOutputs } from "./labeler-network.ts";
import { readLabeler } from "./read-labeler.ts";

/**
 * A trained labeler as a part of other graphs, such as a discriminator's.
 * @param file - a safetensors file made by `trainLabeler`
 * @returns a function from images, [N, 3, 32, 32] with numbers in [-1, 1], to feature maps from fine to coarse,
 *   [N, C, H, W], and logits, [N, 10]
 * @throws Cifar5mError `weights/corrupt`, `weights/not-finite` or `weights/wrong-architecture`
 */
export function frozenLabeler(file: Uint8Array): (images: Tensor) => { maps: Tensor[]; logits: Tensor } {
  const { tensors, network } = readLabeler(file);
  return (images) => labelerOutputs(constantScope(images.graph, tensors), images, network);
}
