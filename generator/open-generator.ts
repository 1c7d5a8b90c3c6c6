import type { Graph } from "../engine/graph.ts";
import { isDescribedOnnx } from "../engine/onnx-description.ts";
import { type Denoiser, trainedDenoiser } from "./denoiser.ts";
import { readForeignGenerator } from "./foreign-denoiser.ts";
import { readGenerator } from "./read-generator.ts";

/** A denoiser ready to be placed in a graph. */
export interface OpenGenerator {
  /** Classes it is conditioned on, 0 for none. */
  readonly numClasses: number;
  /** Images it takes at once; undefined where it takes any number. */
  readonly batchSize: number | undefined;
  /** Whether it was made elsewhere, so that nobody has seen it run yet. */
  readonly isForeign: boolean;
  /** @param graph - where the weights are placed: the graph of the calls, or one around it */
  readonly place: (graph: Graph) => Denoiser;
}

/**
 * Opens a generator that was trained here, or made elsewhere.
 * @param weights - a safetensors file made by `trainGenerator`, or an ONNX file with its description within
 * @throws BuilderError `weights/…` for the one, `model/…` for the other
 */
export function openGenerator(weights: Uint8Array): OpenGenerator {
  if (isDescribedOnnx(weights)) return { ...readForeignGenerator(weights), isForeign: true };
  const { tensors, network } = readGenerator(weights);
  return {
    numClasses: network.numClasses,
    batchSize: undefined,
    isForeign: false,
    place: (graph) => trainedDenoiser(graph, tensors, network),
  };
}
