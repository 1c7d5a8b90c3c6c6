import { median } from "../../core/median.ts";
import type { Neighbor } from "./find-neighbors.ts";

/** An image is a near-copy if its nearest train image is this much nearer than the second nearest. */
export const memorizedBelow = 1 / 3;

/** Number of neighbors that define the usual distance around an image. */
export const usualNeighbors = 50;

/** Number of images that are near-copies of train images, by two tests. */
export interface Memorization {
  readonly count: number;
  /** d₁/d₂ < 1/3. It misses train images that have a twin. */
  readonly nearCopies: number;
  /** d₁ < half the mean distance of the 50 nearest: the adaptive test, which twins do not mislead. */
  readonly adaptiveNearCopies: number;
  readonly medianRatio: number;
}

/** Ratio of the distances to the nearest and to the second nearest, in [0, 1]; 1 if both are 0. */
export function nearestRatio([first, second]: readonly Neighbor[]): number {
  const further = second?.distance ?? 0;
  return further === 0 ? 1 : first!.distance / further;
}

/**
 * @param found - the 50 nearest train images of each image, nearest first
 * @see Carlini et al. 2023, "Extracting training data from diffusion models", arXiv:2301.13188; Yoon et al. 2023,
 *   "Diffusion probabilistic models generalize when they fail to memorize", for the ratio
 */
export function countNearCopies(found: readonly (readonly Neighbor[])[]): Memorization {
  const ratios = found.map(nearestRatio);
  const isAdaptiveNearCopy = (neighbors: readonly Neighbor[]) => {
    const mean = neighbors.reduce((sum, { distance }) => sum + distance, 0) / neighbors.length;
    return neighbors[0]!.distance < mean / 2;
  };
  return {
    count: found.length,
    nearCopies: ratios.filter((ratio) => ratio < memorizedBelow).length,
    adaptiveNearCopies: found.filter(isAdaptiveNearCopy).length,
    medianRatio: ratios.length === 0 ? 1 : median(ratios),
  };
}
