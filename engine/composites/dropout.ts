import { Cifar5mError } from "../../core/errors.ts";
import type { Tensor } from "../graph/graph.ts";
import { cast, less, mul } from "../ops/elementwise.ts";

/**
 * Sets elements to zero with probability `rate` and scales the others by 1 / (1 - rate).
 * @param uniform - random numbers in [0, 1) of the shape of x, new at every step
 * @throws Cifar5mError `config/out-of-range` unless 0 ≤ rate < 1
 * @see Srivastava et al. 2014, JMLR 15
 */
export function dropout(x: Tensor, rate: number, uniform: Tensor): Tensor {
  if (!(rate >= 0 && rate < 1)) {
    throw new Cifar5mError("config/out-of-range", `dropout must lie in [0, 1), got ${rate}. Use 0 for none.`);
  }
  return mul(mul(x, 1 / (1 - rate)), cast(less(uniform, 1 - rate), x.dtype));
}
