import { Cifar5mError } from "../../core/errors.ts";
import type { SplitName } from "../format/manifest.ts";

/** Makes images with ids beyond those of a data set. */
export interface LiveSource {
  /** The names of its classes; if given, they must be those of the data set. */
  readonly classNames?: readonly string[];
  /**
   * @param ids - sample ids that no shard holds; each is requested once per pass
   * @returns images uint8 [n, 32, 32, 3]; probabilities float32 [n, classes], which determine label and confidence;
   *   classes that the generator was asked for [n], −1 for none
   */
  sample(ids: Float64Array): Promise<LiveSamples>;
}

/** Images that a live source made, in the order of the ids asked for. */
export interface LiveSamples {
  /** Shape [n, 32, 32, 3] flattened. */
  readonly images: Uint8Array;
  /** Shape [n, classes] flattened, each in [0, 1]; the label is the most probable class. */
  readonly probabilities: Float32Array;
  /** Shape [n]; −1 where the generator was asked for no class. */
  readonly classes: Uint8Array | Int8Array;
}

/**
 * Refuses a source whose images would not be of the kind of those before them.
 * @throws Cifar5mError `live/other-classes` if the source says that it has other classes than the data set;
 *   `loader/out-of-range` for a filtered set, and for a test split
 */
export function requireFittingLive(
  live: LiveSource | undefined,
  { classNames, isFiltered, splitName }: LiveTarget,
): void {
  if (live === undefined) return;
  if (isFiltered) {
    throw misplaced("a filtered set, whose filter would not apply to its images", "filter batches of the whole set");
  }
  if (splitName === "test") {
    throw misplaced("a test split, since the train split gets the same images", "use a larger test split");
  }
  if (live.classNames === undefined || live.classNames.join() === classNames.join()) return;
  throw new Cifar5mError(
    "live/other-classes",
    `the live source must have the classes of the data set, ${classNames.join(", ")}, but it has ${live.classNames.join(", ")}. ` +
      "Name the run that made the data set, or leave live out.",
  );
}

/** What a live source continues. */
interface LiveTarget {
  readonly classNames: readonly string[];
  readonly isFiltered: boolean;
  readonly splitName: SplitName;
}

function misplaced(where: string, instead: string): Cifar5mError {
  return new Cifar5mError("loader/out-of-range", `live must be left out for ${where}. Leave it out, or ${instead}.`);
}
