import { appendOne, type Operator, shapeError, type Tensor } from "../graph/graph.ts";
import { integers, type Shape, sizeOf } from "../graph/tensor.ts";

export const Reshape: Operator = {
  name: "Reshape",
  constantInputs: ({ shape }) => [integers(shape as number[])],
  onnxAttributes: () => ({}),
  vjp: ({ inputs: [x] }, [gradient]) => [reshape(gradient!, x!.shape)],
};

/**
 * The same elements in another shape. One extent may be -1: it follows from the others.
 * @throws Cifar5mError `engine/wrong-shape` unless the extents are whole numbers and hold as many elements
 */
export function reshape(x: Tensor, shape: Shape): Tensor {
  const known = sizeOf(shape.filter((extent) => extent !== -1));
  const resolved = shape.map((extent) => (extent === -1 ? sizeOf(x.shape) / known : extent));
  if (!resolved.every(Number.isInteger) || sizeOf(resolved) !== sizeOf(x.shape))
    throw shapeError("reshape", "sizes must agree", x.shape, shape);
  if (resolved.length === x.shape.length && resolved.every((extent, axis) => extent === x.shape[axis])) return x;
  return appendOne(Reshape, [x], { shape: resolved }, x.dtype, resolved);
}

export const Transpose: Operator = {
  name: "Transpose",
  vjp: ({ attributes }, [gradient]) => {
    const order = attributes["perm"] as number[];
    return [
      transpose(
        gradient!,
        order.map((_, axis) => order.indexOf(axis)),
      ),
    ];
  },
};

/** Reorders axes: axis i of the result is axis `order[i]` of `x`. */
export function transpose(x: Tensor, order: readonly number[]): Tensor {
  if ([...order].sort((a, b) => a - b).some((axis, index) => axis !== index) || order.length !== x.shape.length) {
    throw shapeError("transpose", "the order must name every axis once", x.shape, order);
  }
  const shape = order.map((axis) => x.shape[axis]!);
  return appendOne(Transpose, [x], { perm: order }, x.dtype, shape);
}
