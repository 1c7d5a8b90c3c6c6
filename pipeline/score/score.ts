import type { CrossErrors } from "./cross-errors.ts";
import type { GeneratorSpeed } from "./measure-speed.ts";
import type { Memorization } from "./memorization.ts";
import type { SetScores } from "./reference.ts";

/** The version of score.json that this code writes. */
export const scoreVersion = 1;

/** What a set says of its own images. */
export interface LabelScores {
  /** Images looked at. */
  readonly count: number;
  /** Part of those that were asked for as a class whose label is that class; left out where none was asked for. */
  readonly agreement?: number;
  readonly meanConfidence: number;
  /** Train and test images of the whole set by label, in [0, 1]. */
  readonly classShares: Readonly<Record<string, number>>;
}

/** score.json, without its checksum. */
export interface Score {
  readonly version: typeof scoreVersion;
  readonly createdBy: string;
  /** Seed of the images that were chosen. */
  readonly seed: number;
  readonly dataset: { readonly name: string; readonly sha256: string; readonly trainImages: number };
  readonly reference: { readonly name: "CIFAR-10 train"; readonly count: number; readonly sha256: string };
  /** The network that made the features: distances of other features compare with nothing. */
  readonly features: { readonly network: string; readonly sha256: string; readonly width: number };
  readonly synthetic: SetScores;
  /** CIFAR-10 test against train, at the same number of images where there are as many. */
  readonly cifar10Test: SetScores;
  readonly labels: LabelScores;
  readonly neighbours: Memorization;
  readonly generator?: GeneratorSpeed;
  readonly classification?: CrossErrors;
}
