import type { CrossErrors } from "./cross-errors.ts";
import type { GeneratorSpeed } from "./measure-speed.ts";
import type { Memorization } from "./memorization.ts";
import type { SetScores } from "./reference.ts";

/** The version of score.json that this code writes. */
export const scoreVersion = 1;

/** How a set labels its own images. */
export interface LabelScores {
  /** Number of images examined. */
  readonly count: number;
  /** Fraction of the images with a requested class whose label is that class; left out if no class was requested. */
  readonly agreement?: number;
  readonly meanConfidence: number;
  /** Fraction of the train and test images of the whole set by label, in [0, 1]. */
  readonly classShares: Readonly<Record<string, number>>;
}

/** score.json, without its checksum. */
export interface Score {
  readonly version: typeof scoreVersion;
  readonly createdBy: string;
  /** Seed that selected the images. */
  readonly seed: number;
  readonly dataset: { readonly name: string; readonly sha256: string; readonly trainImages: number };
  readonly reference: { readonly name: "CIFAR-10 train"; readonly count: number; readonly sha256: string };
  /** The network that made the features. Distances of different features cannot be compared. */
  readonly features: { readonly network: string; readonly sha256: string; readonly width: number };
  readonly synthetic: SetScores;
  /** CIFAR-10 test against train, with the same number of images if there are as many. */
  readonly cifar10Test: SetScores;
  readonly labels: LabelScores;
  readonly neighbors: Memorization;
  readonly generator?: GeneratorSpeed;
  readonly classification?: CrossErrors;
}
