import { BuilderError } from "../core/errors.ts";
import type { Weights } from "../engine/inference.ts";
import { readSafetensors } from "../engine/safetensors.ts";
import { type GeneratorNetworkOptions, generatorNetworkSchema } from "./options.ts";

/**
 * Weights and architecture of a generator.
 * @param file - a safetensors file made by `trainGenerator`
 * @throws BuilderError `weights/corrupt` or `weights/wrong-architecture`
 */
export function readGenerator(file: Uint8Array): {
  readonly tensors: Weights;
  readonly network: GeneratorNetworkOptions;
  /** Whether it was tuned to need one or two calls. */
  readonly isTuned: boolean;
} {
  const { tensors, metadata } = readSafetensors(file, "the generator's weights");
  if (metadata["model"] !== "generator") {
    throw new BuilderError(
      "weights/wrong-architecture",
      `the file is of a "${metadata["model"] ?? "unknown"}" model, a generator is needed. Pass weights made by train generator.`,
    );
  }
  return {
    tensors,
    network: generatorNetworkSchema.parse(JSON.parse(metadata["network"] ?? "{}")),
    isTuned: "tuned" in metadata,
  };
}
