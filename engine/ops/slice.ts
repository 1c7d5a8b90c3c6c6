import { appendOne, type Operator, shapeError, type Tensor } from "../graph/graph.ts";
import { normalizeAxes } from "../graph/shapes.ts";
import { integers } from "../graph/tensor.ts";
import { reshape } from "./reshape.ts";

export interface SliceRange {
  readonly axis: number;
  readonly start: number;
  /** One past the last index, in the direction of the step; may be -Infinity with a negative step. */
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

/** Puts the elements of a slice back at the indices that they came from, with zeros elsewhere. */
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

/** A part of a tensor: a range of indices along each named axis. */
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

/** Pads a tensor with zeros before and after it along each named axis. */
export function pad(x: Tensor, paddings: readonly Padding[]): Tensor {
  const before = x.shape.map(() => 0);
  const after = x.shape.map(() => 0);
  for (const { axis, before: low, after: high } of paddings) {
    if (low < 0 || high < 0) throw shapeError("pad", "paddings must not be negative", x.shape, [low, high]);
    const along = normalizeAxes([axis], x.shape.length)[0]!;
    before[along] = low;
    after[along] = high;
  }
  if (before.every((count) => count === 0) && after.every((count) => count === 0)) return x;
  const shape = x.shape.map((extent, axis) => extent + before[axis]! + after[axis]!);
  return appendOne(Pad, [x], { before, after }, x.dtype, shape);
}
