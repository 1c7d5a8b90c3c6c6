import { appendOne, type Operator, shapeError, type Tensor } from "../graph/graph.ts";
import { broadcastShapes, normalizeAxes } from "../graph/shapes.ts";
import { integers, type Shape, sizeOf } from "../graph/tensor.ts";
import { reshape } from "./reshape.ts";

export interface ReduceOptions {
  /** Axes to reduce; negative axes count from the end. All axes by default. */
  readonly axes?: readonly number[];
  /** Whether reduced axes stay, with extent 1; false by default. */
  readonly keepDims?: boolean;
}

export function reduceOperator(name: string, vjp: NonNullable<Operator["vjp"]>): Operator {
  return {
    name,
    constantInputs: ({ axes }) => [integers(axes as number[])],
    onnxAttributes: () => ({ keepdims: 1 }),
    vjp,
  };
}

export const ReduceSum = reduceOperator("ReduceSum", ({ inputs: [x] }, [gradient]) => [expand(gradient!, x!.shape)]);

export function reduce(op: Operator, x: Tensor, { axes, keepDims = false }: ReduceOptions): Tensor {
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

/** Sums along axes; by default along all, which gives a scalar. `keepDims` keeps axes of extent 1. */
export const sum = (x: Tensor, options: ReduceOptions = {}): Tensor => reduce(ReduceSum, x, options);

/** Sums a tensor down to a shape that broadcasts to the shape of `x`: the gradient of broadcasting. */
export function sumTo(x: Tensor, shape: Shape): Tensor {
  if (x.shape.length === shape.length && x.shape.every((extent, axis) => extent === shape[axis])) return x;
  const extra = x.shape.length - shape.length;
  const axes = x.shape.flatMap((extent, axis) =>
    axis < extra || (shape[axis - extra] === 1 && extent !== 1) ? [axis] : [],
  );
  return reshape(sum(x, { axes, keepDims: true }), shape);
}

export const Expand: Operator = {
  name: "Expand",
  constantInputs: ({ shape }) => [integers(shape as number[])],
  onnxAttributes: () => ({}),
  vjp: ({ inputs: [x] }, [gradient]) => [sumTo(gradient!, x!.shape)],
};

/** Repeats a tensor along axes of extent 1, or along new leading axes, up to a given shape. */
export function expand(x: Tensor, shape: Shape): Tensor {
  const expanded = broadcastShapes("expand", x.shape, shape);
  if (expanded.some((extent, axis) => extent !== shape[axis])) throw shapeError("expand", "must widen", x.shape, shape);
  if (x.shape.length === shape.length && sizeOf(x.shape) === sizeOf(shape)) return x;
  return appendOne(Expand, [x], { shape }, x.dtype, shape);
}

/** Zeros of the shape and type of another tensor. */
export function zerosLike({ graph, dtype, shape }: Tensor): Tensor {
  const zero = graph.scalar(dtype, 0);
  return expand(zero, shape);
}
