import type { Tensor } from "../graph/graph.ts";
import { concat, split } from "../ops/concat.ts";
import { add, div, less, maximum, minimum, mul, where } from "../ops/elementwise.ts";
import { reshape } from "../ops/reshape.ts";

/**
 * Dynamic loss scaling. Small gradients vanish in float16, so gradients are computed for a multiple of the loss. The
 * scale is halved at every step whose gradients overflow, and doubled after 2,000 steps without overflow.
 * @see Micikevicius et al. 2018, arXiv:1710.03740, section 3.2
 */
export interface LossScale {
  /** The factor on the loss, a scalar. */
  readonly scale: Tensor;
  /** Steps since it last changed, a float scalar. */
  readonly age: Tensor;
  /** Steps whose gradients overflowed, so that the optimizer skipped them, a float scalar. */
  readonly numSkipped: Tensor;
}

/** Name of the carried vector that holds scale, age and skipped steps. */
export const lossScaleName = "lossScale";
export const initialLossScale: readonly number[] = [2 ** 16, 0, 0];
/** If gradients still overflow below this scale, the scale is not the cause. */
export const leastLossScale = 2 ** -14;
const largestLossScale = 2 ** 24;
const stepsPerDoubling = 2000;

/** Splits the carried vector, [3], into its parts. */
export function cutLossScale(vector: Tensor): LossScale {
  const [scale, age, numSkipped] = split(vector, [1, 1, 1], 0).map((part) => reshape(part, []));
  return { scale: scale!, age: age!, numSkipped: numSkipped! };
}

/** The vector of a checkpoint; those of earlier releases did not count skipped steps. */
export function completeLossScale(vector: Float32Array): Float32Array {
  return vector.length === 2 ? Float32Array.of(...vector, 0) : vector;
}

/** The carried vector of the next step, [3]. */
export function nextLossScale({ scale, age, numSkipped }: LossScale, isUsable: Tensor): Tensor {
  const isOld = less(stepsPerDoubling - 1.5, age);
  const grown = where(isOld, minimum(mul(scale, 2), largestLossScale), scale);
  const older = where(isOld, 0, add(age, 1));
  const next = [
    where(isUsable, grown, maximum(div(scale, 2), leastLossScale / 2)),
    where(isUsable, older, 0),
    where(isUsable, numSkipped, add(numSkipped, 1)),
  ];
  return concat(
    next.map((value) => reshape(value, [1])),
    0,
  );
}
