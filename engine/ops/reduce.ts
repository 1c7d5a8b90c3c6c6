import type { Tensor } from "../graph/graph.ts";
import { sizeOf } from "../graph/tensor.ts";
import { expand, type ReduceOptions, reduce, reduceOperator, sum } from "./broadcast.ts";
import { cast, equal, mul, reciprocal } from "./elementwise.ts";

const ReduceMean = reduceOperator("ReduceMean", ({ inputs: [x], outputs: [mean] }, [gradient]) => [
  expand(mul(gradient!, sizeOf(mean!.shape) / sizeOf(x!.shape)), x!.shape),
]);
const ReduceMax = reduceOperator("ReduceMax", ({ inputs: [x], outputs: [largest], attributes }, [gradient]) => {
  const isLargest = cast(equal(x!, largest!), x!.dtype);
  const share = sum(isLargest, { axes: attributes["axes"] as number[], keepDims: true });
  return [mul(isLargest, mul(gradient!, reciprocal(share)))];
});

/** Averages along axes; by default along all, which gives a scalar. `keepDims` keeps axes of extent 1. */
export const mean = (x: Tensor, options: ReduceOptions = {}): Tensor => reduce(ReduceMean, x, options);
/** The largest elements along axes, with shapes as of `sum`. If several elements are largest, they share the gradient. */
export const max = (x: Tensor, options: ReduceOptions = {}): Tensor => reduce(ReduceMax, x, options);
