import type { Tensor } from "../engine/graph/graph.ts";
import { constantScope } from "../engine/parameters/constant-scope.ts";
import { labelerFeatureMaps } from "./labeler-network.ts";
import { readLabeler } from "./read-labeler.ts";

/**
 * The inner features of a trained labeler as a part of other graphs, such as a critic's.
 * @param file - a safetensors file made by `trainLabeler`
 * @returns a function from images, [N, 3, 32, 32] with numbers in [-1, 1], to maps from fine to coarse, [N, C, H, W]
 * @throws Cifar5mError `weights/corrupt`, `weights/not-finite` or `weights/wrong-architecture`
 */
export function featureMapsOf(file: Uint8Array): (images: Tensor) => Tensor[] {
  const { tensors, network } = readLabeler(file);
  return (images) => labelerFeatureMaps(constantScope(images.graph, tensors), images, network);
}
