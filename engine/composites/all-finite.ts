import type { Tensor } from "../graph/graph.ts";
import { sum } from "../ops/broadcast.ts";
import { less, mul } from "../ops/elementwise.ts";

/** Whether all elements of a tensor are finite, as a bool scalar. */
export function allFinite(x: Tensor): Tensor {
  // A finite number times 0 is 0. Any other number times 0 is NaN, and NaN is not less than 1.
  return less(sum(mul(x, 0)), 1);
}
