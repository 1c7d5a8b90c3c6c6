import { fillBits, randomStreams } from "../../core/random.ts";

/** Deliberately wrong labels. */
export interface LabelNoise {
  /** Fraction of the samples whose label is replaced by one of the other classes, chosen uniformly; in [0, 1]. */
  readonly rate: number;
  /** Seed of the noise alone; the loader's seed by default. */
  readonly seed: number;
}

const twoToThe32 = 2 ** 32;

/**
 * The label of a sample under noise: a pure function of (seed, id), so a sample has the same label every epoch, in
 * every subset and on every rank.
 */
export function createLabelNoise(
  { rate, seed }: LabelNoise,
  numClasses: number,
): (id: number, label: number) => number {
  const words = new Uint32Array(2);
  return (id, label) => {
    fillBits({ seed, stream: randomStreams.labelNoise, id }, words);
    if (words[0]! / twoToThe32 >= rate) return label;
    return (label + 1 + Math.floor((words[1]! / twoToThe32) * (numClasses - 1))) % numClasses;
  };
}
