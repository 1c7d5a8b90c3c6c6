import { codeLength } from "./shape-code.ts";

/** The names of both parts of CIFAR-10. */
export const referenceSplits = ["train", "test"] as const;
export type ReferenceSplit = (typeof referenceSplits)[number];

/** What is nearest to some images among the images of one split of CIFAR-10, plain or mirrored. Arrays of shape [n]. */
export interface NearestOfSplit {
  /** Index of the nearest image; −1 if the split is empty. */
  readonly index: Int32Array;
  /** 1 if the mirrored image is the nearest one. */
  readonly isMirrored: Uint8Array;
  /** Squared distance over all 3,072 values, each from 0 to 255; exact. */
  readonly squared: Float64Array;
  /** The same of the second nearest image; infinite if there is none. */
  readonly secondSquared: Float64Array;
  /** 1 if the nearest distance is less than half the mean of the 50 nearest ones: the adaptive test; exact. */
  readonly isAdaptive: Uint8Array;
  /** Index of the image that explains this one best; −1 if no candidate resembles it. */
  readonly copyIndex: Int32Array;
  /** How much that image leaves unexplained, in [0, 1]; see `ImagePair.alignedResidual`. */
  readonly copyResidual: Float32Array;
  readonly isCopyMirrored: Uint8Array;
}

/** What a search finds out about n images: the nearest images of both splits, and codes. */
export interface NearestReferences extends Readonly<Record<ReferenceSplit, NearestOfSplit>> {
  /** The leading coefficients of each image, shape [n, 64] flattened; see `shape-code.ts`. */
  readonly codes: Int8Array;
}

/** A train image near another image. */
export interface Neighbor {
  /** Index of the train image. */
  readonly index: number;
  /** Whether the mirrored train image is the nearer one. */
  readonly isMirrored: boolean;
  /** Squared distance over all 3,072 values, each from 0 to 255; exact. */
  readonly squared: number;
}

/** Space for the results of n images. */
export function allocateNearest(n: number): NearestReferences {
  const ofSplit = (): NearestOfSplit => ({
    index: new Int32Array(n).fill(-1),
    isMirrored: new Uint8Array(n),
    squared: new Float64Array(n).fill(Number.POSITIVE_INFINITY),
    secondSquared: new Float64Array(n).fill(Number.POSITIVE_INFINITY),
    isAdaptive: new Uint8Array(n),
    copyIndex: new Int32Array(n).fill(-1),
    copyResidual: new Float32Array(n).fill(1),
    isCopyMirrored: new Uint8Array(n),
  });
  return { train: ofSplit(), test: ofSplit(), codes: new Int8Array(n * codeLength) };
}

/** Copies the results of a batch into those of all images. */
export function copyNearest(from: NearestReferences, to: NearestReferences, start: number): void {
  for (const split of referenceSplits) {
    const [source, target] = [from[split], to[split]];
    for (const key of Object.keys(source) as (keyof NearestOfSplit)[]) target[key].set(source[key], start);
  }
  to.codes.set(from.codes, start * codeLength);
}
