import { Cifar5mError } from "../../core/errors.ts";

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

/** @throws Cifar5mError `live/other-classes` if a source says that it has other classes than a data set */
export function requireSameClasses(live: LiveSource | undefined, classNames: readonly string[]): void {
  if (live?.classNames === undefined || live.classNames.join() === classNames.join()) return;
  throw new Cifar5mError(
    "live/other-classes",
    `the live source must have the classes of the data set, ${classNames.join(", ")}, but it has ${live.classNames.join(", ")}. ` +
      "Name the run that made the data set, or leave live out.",
  );
}
