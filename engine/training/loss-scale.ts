import type { Tensor } from "../graph/graph.ts";
import { sum } from "../ops/broadcast.ts";
import { concat, split } from "../ops/concat.ts";
import { add, div, less, maximum, minimum, mul, where } from "../ops/elementwise.ts";
import { reshape } from "../ops/reshape.ts";

/**
 * Small gradients vanish in float16, so they are taken of a multiple of the loss: the largest one at which they do not
 * overflow. It is halved whenever they do, and doubled after so many steps without.
 * @see Micikevicius et al. 2018, arXiv:1710.03740, section 3.2
 */
export interface LossScale {
  /** Factor on the loss, a scalar. */
  readonly scale: Tensor;
  /** Steps since it last changed, a float scalar. */
  readonly age: Tensor;
}

/** Name of the carried vector: scale and age. */
export const lossScaleName = "lossScale";
export const initialLossScale: readonly number[] = [2 ** 16, 0];
/** Below this, what overflows is not the scale's fault. */
export const leastLossScale = 2 ** -14;
const largestLossScale = 2 ** 24;
const stepsPerDoubling = 2000;

/** @param vector - [2] */
export function cutLossScale(vector: Tensor): LossScale {
  const [scale, age] = split(vector, [1, 1], 0).map((part) => reshape(part, []));
  return { scale: scale!, age: age! };
}

/** Whether all elements are finite, as a bool scalar. */
export function isFiniteVector(vector: Tensor): Tensor {
  // Times 0 a finite number is 0, any other is NaN, which is not less than anything.
  return less(sum(mul(vector, 0)), 1);
}

/** @returns the vector of the next step, [2] */
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
