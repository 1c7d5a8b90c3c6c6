import { isDescribedOnnx } from "../engine/onnx/onnx-description.ts";
import type { Weights } from "../engine/parameters/constant-scope.ts";
import { type Denoiser, oneLevelDenoiser, trainedDenoiser } from "./denoiser.ts";
import { readForeignGenerator } from "./foreign-denoiser.ts";
import { readGenerator } from "./read-generator.ts";

/** A denoiser, and what has to be known of it. */
export interface OpenGenerator {
  readonly denoiser: Denoiser;
  /** A weaker model of the same architecture that the file holds, as a guide to go away from. */
  readonly weaker: Denoiser | undefined;
  /** Classes it is conditioned on, 0 for none. */
  readonly numClasses: number;
  /** Images it takes at once; undefined where it takes any number. */
  readonly batchSize: number | undefined;
  /** Whether it was tuned to need one or two calls; undefined where nobody knows. */
  readonly isTuned: boolean | undefined;
  /** Whether it was made elsewhere, so that nobody has seen it run yet. */
  readonly isForeign: boolean;
}

/**
 * Opens a generator that was trained here, or made elsewhere.
 * @param weights - a safetensors file made by `trainGenerator`, or an ONNX file with its description within
 * @throws Cifar5mError `weights/…` for the one, `model/…` for the other
 */
export function openGenerator(weights: Uint8Array): OpenGenerator {
  if (isDescribedOnnx(weights)) {
    return { ...readForeignGenerator(weights), weaker: undefined, isTuned: undefined, isForeign: true };
  }
  const { tensors, weaker, network, isTuned } = readGenerator(weights);
  const { numClasses } = network;
  const open = (model: Weights) => oneLevelDenoiser(trainedDenoiser(model, network));
  return {
    denoiser: open(tensors),
    weaker: weaker && open(weaker),
    numClasses,
    batchSize: undefined,
    isTuned,
    isForeign: false,
  };
}
