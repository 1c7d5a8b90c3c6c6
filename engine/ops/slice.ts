import { appendOne, innermostGraph, type Operator, shapeError, type Tensor } from "../graph/graph.ts";
import { type Shape, sizeOf, type TensorData, tensorData } from "../graph/tensor.ts";
import { broadcastShapes } from "./elementwise.ts";
import { normalizeAxes, sumTo } from "./reduce.ts";

function integers(values: readonly number[]): TensorData {
  return tensorData("int64", [values.length], values);
}

const Reshape: Operator = {
  name: "Reshape",
  constantInputs: ({ shape }) => [integers(shape as number[])],
  onnxAttributes: () => ({}),
  vjp: ({ inputs: [x] }, [gradient]) => [reshape(gradient!, x!.shape)],
};

/** The same elements in another shape; one extent may be -1 and is worked out. */
export function reshape(x: Tensor, shape: Shape): Tensor {
  const known = sizeOf(shape.filter((extent) => extent !== -1));
  const resolved = shape.map((extent) => (extent === -1 ? sizeOf(x.shape) / known : extent));
  if (sizeOf(resolved) !== sizeOf(x.shape)) throw shapeError("reshape", "sizes must agree", x.shape, shape);
  if (resolved.length === x.shape.length && resolved.every((extent, axis) => extent === x.shape[axis])) return x;
  return appendOne(Reshape, [x], { shape: resolved }, x.dtype, resolved);
}

const Transpose: Operator = {
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

/** Axes in another order: axis i of the result is axis `order[i]` of x. */
export function transpose(x: Tensor, order: readonly number[]): Tensor {
  if ([...order].sort((a, b) => a - b).some((axis, index) => axis !== index) || order.length !== x.shape.length) {
    throw shapeError("transpose", "the order must name every axis once", x.shape, order);
  }
  const shape = order.map((axis) => x.shape[axis]!);
  return appendOne(Transpose, [x], { perm: order }, x.dtype, shape);
}

const Expand: Operator = {
  name: "Expand",
  constantInputs: ({ shape }) => [integers(shape as number[])],
  onnxAttributes: () => ({}),
  vjp: ({ inputs: [x] }, [gradient]) => [sumTo(gradient!, x!.shape)],
};

/** Repeats a tensor along axes of extent 1 (or new leading ones) up to a shape. */
export function expand(x: Tensor, shape: Shape): Tensor {
  const expanded = broadcastShapes("expand", x.shape, shape);
  if (expanded.some((extent, axis) => extent !== shape[axis])) throw shapeError("expand", "must widen", x.shape, shape);
  if (x.shape.length === shape.length && sizeOf(x.shape) === sizeOf(shape)) return x;
  return appendOne(Expand, [x], { shape }, x.dtype, shape);
}

const Concat: Operator = {
  name: "Concat",
  vjp: ({ inputs, attributes }, [gradient]) => {
    const axis = attributes["axis"] as number;
    return split(
      gradient!,
      inputs.map(({ shape }) => shape[axis]!),
      axis,
    );
  },
};

/** Tensors one after the other along an axis; their other extents must agree. */
export function concat(tensors: readonly Tensor[], axis: number): Tensor {
  const first = tensors[0]!;
  const along = normalizeAxes([axis], first.shape.length)[0]!;
  for (const { shape } of tensors) {
    if (shape.length !== first.shape.length || shape.some((extent, i) => i !== along && extent !== first.shape[i])) {
      throw shapeError("concat", `extents must agree except along axis ${along}`, first.shape, shape);
    }
  }
  if (tensors.length === 1) return first;
  const total = tensors.reduce((extent, { shape }) => extent + shape[along]!, 0);
  return appendOne(Concat, tensors, { axis: along }, first.dtype, first.shape.with(along, total));
}

const Split: Operator = {
  name: "Split",
  constantInputs: ({ sizes }) => [integers(sizes as number[])],
  onnxAttributes: ({ axis }) => ({ axis: axis! }),
  vjp: ({ outputs, attributes }, gradients) => {
    const parts = outputs.map((output, index) => gradients[index] ?? zerosLike(output));
    return [concat(parts, attributes["axis"] as number)];
  },
};

/** Cuts a tensor into parts of the given extents along an axis. */
export function split(x: Tensor, sizes: readonly number[], axis: number): readonly Tensor[] {
  const along = normalizeAxes([axis], x.shape.length)[0]!;
  if (sizes.reduce((total, extent) => total + extent, 0) !== x.shape[along]) {
    throw shapeError("split", `the parts must add up to the extent of axis ${along}`, x.shape, sizes);
  }
  if (sizes.length === 1) return [x];
  const outputs = sizes.map((extent) => ({ dtype: x.dtype, shape: x.shape.with(along, extent) }));
  return innermostGraph([x]).append(Split, [x], { axis: along, sizes }, outputs);
}

/** Zeros in the shape and type of another tensor. */
export function zerosLike({ graph, dtype, shape }: Tensor): Tensor {
  const zero = graph.scalar(dtype, 0, () => tensorData(dtype, [], [0]));
  return expand(zero, shape);
}

export interface SliceRange {
  readonly axis: number;
  readonly start: number;
  /** One past the last, in the direction of the step; may be -Infinity with a negative step. */
  readonly end: number;
  /** 1 by default; -1 mirrors. */
  readonly step?: number;
}

const Slice: Operator = {
  name: "Slice",
  constantInputs: (attributes) =>
    ["starts", "ends", "axes", "steps"].map((key) => integers(attributes[key] as number[])),
  onnxAttributes: () => ({}),
  vjp: ({ inputs: [x], attributes }, [gradient]) => {
    const [starts, axes, steps] = ["starts", "axes", "steps"].map((key) => attributes[key] as number[]);
    let result = gradient!;
    axes!.forEach((axis, index) => {
      result = unslice(result, axis, x!.shape[axis]!, starts![index]!, steps![index]!);
    });
    return [result];
  },
};

/** Puts the elements of a slice back where they came from, zeros elsewhere. */
function unslice(gradient: Tensor, axis: number, extent: number, start: number, step: number): Tensor {
  const count = gradient.shape[axis]!;
  const stride = Math.abs(step);
  let spread = step < 0 ? slice(gradient, [{ axis, start: count - 1, end: -Infinity, step: -1 }]) : gradient;
  if (stride > 1) {
    const shape = gradient.shape;
    const inner = reshape(spread, [...shape.slice(0, axis + 1), 1, ...shape.slice(axis + 1)]);
    const widened = pad(inner, [{ axis: axis + 1, before: 0, after: stride - 1 }]);
    const whole = reshape(widened, shape.with(axis, count * stride));
    spread = slice(whole, [{ axis, start: 0, end: (count - 1) * stride + 1 }]);
  }
  const before = step < 0 ? start - (count - 1) * stride : start;
  return pad(spread, [{ axis, before, after: extent - before - spread.shape[axis]! }]);
}

/** Part of a tensor: a range with a step along each named axis. */
export function slice(x: Tensor, ranges: readonly SliceRange[]): Tensor {
  const shape = [...x.shape];
  const axes = ranges.map(({ axis }) => normalizeAxes([axis], shape.length)[0]!);
  ranges.forEach(({ start, end, step = 1 }, index) => {
    const axis = axes[index]!;
    const last = step < 0 ? Math.max(end, -1) : Math.min(end, x.shape[axis]!);
    const count = Math.ceil((last - start) / step);
    if (start < 0 || start >= x.shape[axis]! || count < 1) {
      throw shapeError("slice", `the range ${start}:${end}:${step} must lie within axis ${axis}`, x.shape);
    }
    shape[axis] = count;
  });
  if (ranges.every(({ step = 1 }, index) => step === 1 && shape[axes[index]!] === x.shape[axes[index]!])) return x;
  const attributes = {
    starts: ranges.map(({ start }) => start),
    ends: ranges.map(({ end, step = 1 }, index) => (step < 0 && end < 0 ? -x.shape[axes[index]!]! - 1 : end)),
    axes,
    steps: ranges.map(({ step = 1 }) => step),
  };
  return appendOne(Slice, [x], attributes, x.dtype, shape);
}

export interface Padding {
  readonly axis: number;
  readonly before: number;
  readonly after: number;
}

const Pad: Operator = {
  name: "Pad",
  constantInputs: ({ before, after }) => [integers([...(before as number[]), ...(after as number[])])],
  onnxAttributes: () => ({ mode: "constant" }),
  vjp: ({ inputs: [x], attributes }, [gradient]) => {
    const before = attributes["before"] as number[];
    const ranges = x!.shape.map((extent, axis) => ({ axis, start: before[axis]!, end: before[axis]! + extent }));
    return [slice(gradient!, ranges)];
  },
};

/** Zeros before and after a tensor along each named axis. */
export function pad(x: Tensor, paddings: readonly Padding[]): Tensor {
  const before = x.shape.map(() => 0);
  const after = x.shape.map(() => 0);
  for (const { axis, before: low, after: high } of paddings) {
    if (low < 0 || high < 0) throw shapeError("pad", "paddings must not be negative", x.shape, [low, high]);
    before[axis] = low;
    after[axis] = high;
  }
  if (before.every((count) => count === 0) && after.every((count) => count === 0)) return x;
  const shape = x.shape.map((extent, axis) => extent + before[axis]! + after[axis]!);
  return appendOne(Pad, [x], { before, after }, x.dtype, shape);
}
