import { isDescribedOnnx } from "../engine/onnx/onnx-description.ts";
import type { Weights } from "../engine/parameters/constant-scope.ts";
import { type Denoiser, oneLevelDenoiser, trainedDenoiser } from "./denoiser.ts";
import { readForeignGenerator } from "./foreign-denoiser.ts";
import { readGenerator } from "./read-generator.ts";

/** A denoiser and its properties. */
export interface OpenGenerator {
  readonly denoiser: Denoiser;
  /** A weaker model of the same architecture in the same file, as the guide of autoguidance. */
  readonly weaker: Denoiser | undefined;
  /** Number of classes that it is conditioned on, 0 for none. */
  readonly numClasses: number;
  /** Images per call; undefined if it takes any number of images. */
  readonly batchSize: number | undefined;
  /** Whether it was tuned to need one or two calls; undefined if unknown. */
  readonly isTuned: boolean | undefined;
  /** Whether it was made elsewhere, so that it may not run at all. */
  readonly isForeign: boolean;
}

/**
 * Opens a generator that was trained by this package or made elsewhere.
 * @param weights - a safetensors file made by `trainGenerator`, or an ONNX file that contains its description
 * @throws Cifar5mError `weights/…` for a safetensors file, `model/…` for an ONNX file
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
