import { Cifar5mError } from "../core/errors.ts";
import { requireWeightsOf, type Weights } from "../engine/parameters/constant-scope.ts";
import { readSafetensors } from "../engine/parameters/safetensors.ts";
import { readNetwork } from "../networks/read-network.ts";
import { labelerNetwork } from "./labeler-network.ts";
import { type LabelerNetworkOptions, labelerNetworkSchema } from "./options.ts";

/**
 * Reads the weights and the architecture of a labeler.
 * @param file - a safetensors file made by `trainLabeler`
 * @throws Cifar5mError `weights/corrupt`, `weights/not-finite` or `weights/wrong-architecture`
 */
export function readLabeler(file: Uint8Array): {
  readonly tensors: Weights;
  readonly network: LabelerNetworkOptions;
  /** The divisor of the logits that calibrates the probabilities; 1 for weights that were not calibrated. */
  readonly temperature: number;
} {
  const { tensors, metadata } = readSafetensors(file, "the labeler's weights");
  const network = readNetwork(metadata, "labeler", labelerNetworkSchema);
  const temperature = Number(metadata["temperature"] ?? 1);
  if (!(temperature > 0 && Number.isFinite(temperature))) {
    throw new Cifar5mError(
      "weights/corrupt",
      `the labeler's temperature must be a number above 0, got ${metadata["temperature"]}. Copy the file again, or train again.`,
    );
  }
  requireWeightsOf(tensors, (scope, graph) =>
    labelerNetwork(scope, graph.input("images", "float32", [1, 3, 32, 32]), network),
  );
  return { tensors, network, temperature };
}
