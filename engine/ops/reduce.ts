import { appendOne, type Operator, shapeError, type Tensor } from "../graph/graph.ts";
import { type Shape, sizeOf, tensorData } from "../graph/tensor.ts";
import { cast, equal, mul } from "./elementwise.ts";
import { expand, reshape } from "./slice.ts";

export interface ReduceOptions {
  /** Axes to reduce, negative ones from the end; all by default. */
  readonly axes?: readonly number[];
  /** Keep reduced axes with extent 1; false by default. */
  readonly keepDims?: boolean;
}

/** Axes as non-negative numbers, in rising order. */
export function normalizeAxes(axes: readonly number[], rank: number): number[] {
  const normalized = axes.map((axis) => (axis < 0 ? axis + rank : axis)).sort((a, b) => a - b);
  if (normalized.some((axis) => axis < 0 || axis >= rank)) {
    throw shapeError("axes", `each must lie in [-${rank}, ${rank})`, axes);
  }
  return normalized;
}

function reduceOperator(name: string, vjp: NonNullable<Operator["vjp"]>): Operator {
  return {
    name,
    constantInputs: ({ axes }) => [tensorData("int64", [(axes as number[]).length], axes as number[])],
    onnxAttributes: () => ({ keepdims: 1 }),
    vjp,
  };
}

const ReduceSum = reduceOperator("ReduceSum", ({ inputs: [x] }, [gradient]) => [expand(gradient!, x!.shape)]);
const ReduceMean = reduceOperator("ReduceMean", ({ inputs: [x], outputs: [mean] }, [gradient]) => [
  expand(mul(gradient!, sizeOf(mean!.shape) / sizeOf(x!.shape)), x!.shape),
]);
const ReduceMax = reduceOperator("ReduceMax", ({ inputs: [x], outputs: [largest], attributes }, [gradient]) => {
  const isLargest = cast(equal(x!, largest!), x!.dtype);
  const share = sum(isLargest, { axes: attributes["axes"] as number[], keepDims: true });
  return [mul(isLargest, mul(gradient!, appendOne({ name: "Reciprocal" }, [share], {}, share.dtype, share.shape)))];
});

function reduce(op: Operator, x: Tensor, { axes, keepDims = false }: ReduceOptions): Tensor {
  const reduced = normalizeAxes(axes ?? x.shape.map((_, axis) => axis), x.shape.length);
  if (reduced.length === 0) return x;
  const kept = x.shape.map((extent, axis) => (reduced.includes(axis) ? 1 : extent));
  const result = appendOne(op, [x], { axes: reduced }, x.dtype, kept);
  return keepDims
    ? result
    : reshape(
        result,
        kept.filter((_, axis) => !reduced.includes(axis)),
      );
}

export const sum = (x: Tensor, options: ReduceOptions = {}): Tensor => reduce(ReduceSum, x, options);
export const mean = (x: Tensor, options: ReduceOptions = {}): Tensor => reduce(ReduceMean, x, options);
/** The largest element; equal ones share its gradient. */
export const max = (x: Tensor, options: ReduceOptions = {}): Tensor => reduce(ReduceMax, x, options);

/** Sums a tensor down to a shape that broadcasts to its own: the gradient of broadcasting. */
export function sumTo(x: Tensor, shape: Shape): Tensor {
  if (x.shape.length === shape.length && x.shape.every((extent, axis) => extent === shape[axis])) return x;
  const extra = x.shape.length - shape.length;
  const axes = x.shape.flatMap((extent, axis) =>
    axis < extra || (shape[axis - extra] === 1 && extent !== 1) ? [axis] : [],
  );
  return reshape(sum(x, { axes, keepDims: true }), shape);
}
