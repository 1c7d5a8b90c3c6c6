import { join } from "node:path";
import { executionIdentity } from "../../engine/executor.ts";
import { classify } from "../../labeler/calibration.ts";
import { sha256 } from "../../storage/sha256.ts";
import type { Cifar10 } from "../cifar-10/open-cifar-10.ts";
import type { ModelRuntime } from "../models/model-runtime.ts";
import type { StageContext } from "../run/stage.ts";
import { conditioningClassOf } from "../run/units.ts";
import type { FeatureNet } from "./feature-net.ts";
import { sliceFeatures } from "./features.ts";
import { generateRowImages } from "./generate-row-images.ts";
import type { RowScore } from "./generator-score.ts";
import { computeKeptFeatures, type FeatureProgress } from "./kept-features.ts";
import type { PlannedRow } from "./plan-rows.ts";
import {
  compareWithReference,
  computeCifar10Features,
  computeReference,
  type Reference,
  type ReferenceFolders,
} from "./reference.ts";
import type { SetScores } from "./score.ts";

/** What all rows are compared with. */
export interface Basis {
  readonly net: FeatureNet;
  readonly reference: Reference;
  readonly cifar10Test: SetScores;
}

export async function computeBasis(
  net: FeatureNet,
  options: { readonly cifar10: Cifar10; readonly numImages: number; readonly folders: ReferenceFolders },
  progress: FeatureProgress,
): Promise<Basis> {
  const { cifar10, numImages, folders } = options;
  const testFeatures = await computeCifar10Features(net, cifar10, "test", folders, progress);
  const reference = await computeReference(net, cifar10, folders, progress);
  const part = sliceFeatures(testFeatures, 0, numImages);
  return { net, reference, cifar10Test: await compareWithReference(reference, part, "CIFAR-10 test") };
}

/**
 * Generates the images of a row, and compares them with the basis.
 * @param options.folder - keeps the images and their features until `forgetRowImages`
 */
export async function scoreRow(
  options: {
    readonly row: PlannedRow;
    readonly basis: Basis;
    readonly folder: string;
    readonly runtime: ModelRuntime;
    readonly labelerWeights: Uint8Array;
    readonly numImages: number;
  },
  context: StageContext,
): Promise<RowScore> {
  const { row, basis, folder, runtime, labelerWeights, numImages } = options;
  const { key, name, series, bytes, config } = row;
  const { signal } = context;
  const sampler = await runtime.openSampler(config, bytes);
  const count = (images: number) => context.count(`${name}/images`, images);
  const generated = await generateRowImages({ sampler, config, numImages, folder, signal, count }).finally(() =>
    sampler.close(),
  );
  const uncounted = { signal, count: () => undefined, countKept: () => undefined };
  const features = await computeKeptFeatures(basis.net, generated.images, [join(folder, "features")], uncounted);
  const labeler = await runtime.openLabeler(config, labelerWeights);
  const probabilities = await labeler.label(generated.images, signal).finally(() => labeler.close());
  const { found, confidences } = classify(probabilities, numImages);
  const numAgreeing = found.filter((label, id) => label === conditioningClassOf(id, config.sampler)).length;
  return {
    key,
    name,
    series,
    generator: sha256(bytes),
    sampler: config.sampler,
    ...executionIdentity(config),
    seed: config.seed,
    ...(await compareWithReference(basis.reference, features, name)),
    ...(config.sampler.conditional ? { agreement: numAgreeing / numImages } : {}),
    meanConfidence: confidences.reduce((sum, confidence) => sum + confidence / numImages, 0),
    nfe: sampler.nfe,
    imagesPerSecond: numImages / generated.seconds,
    peakMegabytes: generated.peakMegabytes,
  };
}
