import * as z from "zod";
import { Cifar5mError } from "../core/errors.ts";
import { parseJson } from "../core/parse-json.ts";
import { plainText } from "../core/plain-text.ts";
import { requireWeightsOf, type Weights } from "../engine/parameters/constant-scope.ts";
import { readSafetensors } from "../engine/parameters/safetensors.ts";
import { readNetwork } from "../networks/read-network.ts";
import { labelerNetwork } from "./labeler-network.ts";
import { type LabelerNetworkOptions, labelerNetworkSchema } from "./options.ts";

/** When a labeler averages six views of an image instead of two. */
export const viewsSchema = z.strictObject({
  threshold: z.number().min(0).max(1).describe("where the confidence of two views is below this; 0 for never"),
  temperature: z.number().positive().describe("the divisor of the logits in that confidence"),
});

/** A labeler that was trained by this package. */
export interface TrainedLabeler {
  readonly tensors: Weights;
  readonly network: LabelerNetworkOptions;
  /** The divisor of the logits that calibrates the probabilities; 1 for weights that were not calibrated. */
  readonly temperature: number;
  /** Undefined for two views of every image. */
  readonly views: z.infer<typeof viewsSchema> | undefined;
}

/**
 * Reads the weights and the architecture of a labeler.
 * @param file - a safetensors file made by `trainLabeler`
 * @throws Cifar5mError `weights/corrupt`, `weights/not-finite` or `weights/wrong-architecture`
 */
export function readLabeler(file: Uint8Array): TrainedLabeler {
  const { tensors, metadata } = readSafetensors(file, "the labeler's weights");
  const network = readNetwork(metadata, "labeler", labelerNetworkSchema);
  const temperature = Number(metadata["temperature"] ?? 1);
  if (!(temperature > 0 && Number.isFinite(temperature))) {
    throw new Cifar5mError(
      "weights/corrupt",
      `the labeler's temperature must be a number above 0, got ${metadata["temperature"]}. Copy the file again, or train again.`,
    );
  }
  const views = readViews(metadata["views"]);
  requireWeightsOf(tensors, (scope, graph) =>
    labelerNetwork(scope, graph.input("images", "float32", [1, 3, 32, 32]), network),
  );
  return { tensors, network, temperature, views };
}

function readViews(text: string | undefined): TrainedLabeler["views"] {
  if (text === undefined) return undefined;
  try {
    return viewsSchema.parse(parseJson(text));
  } catch (thrown) {
    throw new Cifar5mError(
      "weights/corrupt",
      `the labeler's views must be a threshold from 0 to 1 and a temperature above 0, got ${plainText(text, 80)}. ` +
        "Copy the file again, or train again.",
      { cause: thrown },
    );
  }
}
