import type { Tensor } from "../graph/graph.ts";
import { sum } from "../ops/broadcast.ts";
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
}

/** Name of the carried vector that holds scale and age. */
export const lossScaleName = "lossScale";
export const initialLossScale: readonly number[] = [2 ** 16, 0];
/** If gradients still overflow below this scale, the scale is not the cause. */
export const leastLossScale = 2 ** -14;
const largestLossScale = 2 ** 24;
const stepsPerDoubling = 2000;

/** Splits the carried vector, [2], into its parts. */
export function cutLossScale(vector: Tensor): LossScale {
  const [scale, age] = split(vector, [1, 1], 0).map((part) => reshape(part, []));
  return { scale: scale!, age: age! };
}

/** Whether all elements are finite, as a bool scalar. */
export function isFiniteVector(vector: Tensor): Tensor {
  // A finite number times 0 is 0. Any other number times 0 is NaN, and NaN is not less than 1.
  return less(sum(mul(vector, 0)), 1);
}

/** The carried vector of the next step, [2]. */
export function nextLossScale({ scale, age }: LossScale, isUsable: Tensor): Tensor {
  const isOld = less(stepsPerDoubling - 1.5, age);
  const grown = where(isOld, minimum(mul(scale, 2), largestLossScale), scale);
  const older = where(isOld, 0, add(age, 1));
  const next = [where(isUsable, grown, maximum(div(scale, 2), leastLossScale / 2)), where(isUsable, older, 0)];
  return concat(
    next.map((value) => reshape(value, [1])),
    0,
  );
}
