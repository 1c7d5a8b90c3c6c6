import { join } from "node:path";
import { hashConfig } from "../../storage/canonical-json.ts";
import type { Cifar10 } from "../cifar-10/open-cifar-10.ts";
import { compareManifolds } from "./compare-manifolds.ts";
import type { FeatureNet } from "./feature-net.ts";
import { computeFeatureStatistics, type FeatureStatistics } from "./feature-statistics.ts";
import { type Features, sliceFeatures } from "./features.ts";
import { frechetDistanceFrom } from "./frechet-distance.ts";
import { computeKeptFeatures, type FeatureProgress } from "./kept-features.ts";
import type { SetScores } from "./score.ts";

/** Number of images per side, at most, when all are compared with all. */
const maxCompared = 10_000;

/** Features of CIFAR-10 train, computed once, to compare sets with. */
export interface Reference {
  /** `frechetDistance` from the Gaussian of these features. */
  readonly distanceTo: (statistics: FeatureStatistics) => number;
  /** Features of the first images. */
  readonly compared: Features;
}

/** The folders that keep features of CIFAR-10. */
export interface ReferenceFolders {
  /**
   * A folder of this user. All runs share it, since the features depend only on CIFAR-10 and the network. Undefined if
   * there is none.
   */
  readonly cache: string | undefined;
  /** A folder of the run, used if the other folder cannot be written to. */
  readonly scoring: string;
}

/**
 * Features of a split of CIFAR-10. They are computed once and kept.
 * @throws Cifar5mError `disk/…`
 */
export async function computeCifar10Features(
  net: FeatureNet,
  cifar10: Cifar10,
  split: "train" | "test",
  { cache, scoring }: ReferenceFolders,
  progress: FeatureProgress,
): Promise<Features> {
  const name = `${split}-features-${hashConfig([net.sha256, cifar10.sha256]).slice(0, 32)}`;
  const folders = [...(cache === undefined ? [] : [join(cache, "features")]), scoring].map((folder) =>
    join(folder, name),
  );
  return await computeKeptFeatures(net, cifar10[split].images, folders, progress);
}

/** @throws Cifar5mError `score/too-few-images`; `disk/…` */
export async function computeReference(
  net: FeatureNet,
  cifar10: Cifar10,
  folders: ReferenceFolders,
  progress: FeatureProgress,
): Promise<Reference> {
  const features = await computeCifar10Features(net, cifar10, "train", folders, progress);
  return {
    distanceTo: frechetDistanceFrom(await computeFeatureStatistics(features, "CIFAR-10 train")),
    compared: sliceFeatures(features, 0, maxCompared),
  };
}

/**
 * @param name - name of the set, for errors
 * @throws Cifar5mError `score/too-few-images`
 */
export async function compareWithReference(
  { distanceTo, compared }: Reference,
  features: Features,
  name: string,
): Promise<SetScores> {
  // As many on both sides: the balls of fewer images are larger, so recall and coverage depend on the counts.
  const count = Math.min(features.count, compared.count, maxCompared);
  const [reference, part] = [compared, features].map((side) => sliceFeatures(side, 0, count));
  return {
    count: features.count,
    frechetDistance: distanceTo(await computeFeatureStatistics(features, name)),
    compared: { count, reference: count },
    manifold: await compareManifolds(reference!, part!),
  };
}
