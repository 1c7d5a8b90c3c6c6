import { median } from "../../core/median.ts";
import type { ReferenceTests } from "../audit/decide-flags.ts";

/** Number of images that are near-copies of train images, by two tests. */
export interface Memorization {
  readonly count: number;
  /** d₁/d₂ < 1/3. It misses train images that have a twin. */
  readonly nearCopies: number;
  /** d₁ < half the mean distance of the 50 nearest: the adaptive test, which twins do not mislead. */
  readonly adaptiveNearCopies: number;
  readonly medianRatio: number;
}

/**
 * @param tests - of all images against CIFAR-10 train
 * @see Carlini et al. 2023, "Extracting training data from diffusion models", arXiv:2301.13188; Yoon et al. 2023,
 *   "Diffusion probabilistic models generalize when they fail to memorize", for the ratio
 */
export function countNearCopies({ ratios, isBelowThird, isAdaptive }: ReferenceTests): Memorization {
  const count = (flags: Uint8Array) => flags.reduce((sum, flag) => sum + flag, 0);
  return {
    count: ratios.length,
    nearCopies: count(isBelowThird),
    adaptiveNearCopies: count(isAdaptive),
    medianRatio: ratios.length === 0 ? 1 : median([...ratios]),
  };
}
