import { median } from "../../core/median.ts";
import type { ReferenceTests } from "../audit/decide-flags.ts";
import type { Memorization } from "./score.ts";

/**
 * Counts images that are memorized train images.
 * @param tests - of all images against CIFAR-10 train
 * @see Carlini et al. 2023, "Extracting training data from diffusion models", arXiv:2301.13188; Yoon et al. 2023,
 *   "Diffusion probabilistic models generalize when they fail to memorize", for the ratio
 */
export function countMemorized({ ratios, isBelowThird, isAdaptive }: ReferenceTests): Memorization {
  const count = (flags: Uint8Array) => flags.reduce((sum, flag) => sum + flag, 0);
  return {
    count: ratios.length,
    memorized: count(isBelowThird),
    memorizedAdaptive: count(isAdaptive),
    medianRatio: ratios.length === 0 ? 1 : median([...ratios]),
  };
}
