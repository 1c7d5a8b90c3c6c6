import { readFile } from "node:fs/promises";
import { createLabelerFeatures } from "../../labeler/index.ts";
import { readWholeFile } from "../../storage/read-file.ts";
import { sha256 } from "../../storage/sha256.ts";
import type { Config } from "../run/config.ts";
import { shippedFile } from "../run/shipped-files.ts";
import type { FeatureNet } from "./feature-net.ts";
import { openOnnxFeatures } from "./onnx-features.ts";

/** Which network computes the features. */
export interface FeatureNetChoice {
  /** An ONNX file; the judge by default. */
  readonly onnx?: string | undefined;
  /**
   * Weights of a labeler to use instead of the judge. The judge is the labeler of an earlier release, and never
   * changes.
   */
  readonly labeler?: string | undefined;
}

/**
 * @throws Cifar5mError `weights/corrupt`, `weights/wrong-architecture`; `features/…` for an ONNX file that does not fit;
 *   `disk/…`
 */
export async function openFeatureNet(
  { onnx, labeler }: FeatureNetChoice,
  { engine, device, labeling }: Pick<Config, "engine" | "device" | "labeling">,
): Promise<FeatureNet> {
  if (onnx !== undefined) return await openOnnxFeatures(onnx, device);
  const weights = await (labeler === undefined ? readFile(shippedFile("judge.safetensors")) : readWholeFile(labeler));
  const features = await createLabelerFeatures({ weights, batchSize: labeling.batchSize, engine, device });
  return { ...features, name: labeler === undefined ? "judge" : "labeler", sha256: sha256(weights) };
}
