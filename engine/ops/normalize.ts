import { appendOne, innermostGraph, type Operator, shapeError, type Tensor } from "../graph/graph.ts";
import { normalizeAxes } from "../graph/shapes.ts";
import { tensorData } from "../graph/tensor.ts";
import { sum } from "./broadcast.ts";
import { add, cast, mul, sub } from "./elementwise.ts";
import { mean } from "./reduce.ts";
import { reshape } from "./reshape.ts";

const Softmax: Operator = {
  name: "Softmax",
  vjp: ({ outputs: [result], attributes }, [gradient]) => {
    const weighted = mul(gradient!, result!);
    const total = sum(weighted, { axes: [attributes["axis"] as number], keepDims: true });
    return [sub(weighted, mul(result!, total))];
  },
};

/** Softmax along an axis, the last by default. */
export function softmax(x: Tensor, axis = -1): Tensor {
  return appendOne(Softmax, [x], { axis: normalizeAxes([axis], x.shape.length)[0]! }, x.dtype, x.shape);
}

const LayerNormalization: Operator = {
  name: "LayerNormalization",
  floatAttributes: ["epsilon"],
  constantInputs: ({ size }, dtype) => [tensorData(dtype, [size as number], new Array<number>(size as number).fill(1))],
  onnxAttributes: ({ epsilon }) => ({ axis: -1, epsilon: epsilon! }),
  vjp: ({ outputs: [result, , statistic], attributes }, [gradient, , statisticGradient]) => {
    const options = { axes: [-1], keepDims: true };
    const inverseStd = cast(statistic!, result!.dtype);
    const parts: Tensor[] = [];
    if (gradient !== undefined) {
      const centered = sub(gradient, mean(gradient, options));
      const along = mul(result!, mean(mul(gradient, result!), options));
      parts.push(mul(sub(centered, along), inverseStd));
    }
    // Second derivatives flow through the standard deviation too.
    if (statisticGradient !== undefined) {
      const slope = mul(mul(inverseStd, inverseStd), -1 / (attributes["size"] as number));
      parts.push(mul(result!, mul(cast(statisticGradient, result!.dtype), slope)));
    }
    return [parts.reduce((a, b) => add(a, b))];
  },
};

/** Shifts and scales each row of the last axis to mean 0 and variance 1 / (1 + epsilon / variance). */
export function standardize(x: Tensor, epsilon: number): Tensor {
  return standardizeRows(x, epsilon).result;
}

/**
 * `standardize` that also returns the factor of each row.
 * @returns `inverseStd` has extent 1 along the last axis
 */
export function standardizeRows(x: Tensor, epsilon: number): { readonly result: Tensor; readonly inverseStd: Tensor } {
  // ONNX returns the statistics in float32, whatever the type of x is.
  const rows = { dtype: "float32" as const, shape: x.shape.with(-1, 1) };
  const attributes = { size: x.shape.at(-1)!, epsilon };
  const outputs = [x, rows, rows].map(({ dtype, shape }) => ({ dtype, shape }));
  const [result, , inverseStd] = innermostGraph([x]).append(LayerNormalization, [x], attributes, outputs);
  return { result: result!, inverseStd: cast(inverseStd!, x.dtype) };
}

/** With mean 0 and variance 1 as its statistics, batch normalization is an affine map of each channel. */
const BatchNormalization: Operator = {
  name: "BatchNormalization",
  floatAttributes: ["epsilon"],
  constantInputs: ({ channels }, dtype) =>
    [0, 1].map((value) => tensorData(dtype, [channels as number], new Array<number>(channels as number).fill(value))),
  onnxAttributes: () => ({ epsilon: 0 }),
  vjp: ({ inputs: [x, slope] }, [gradient]) => {
    const axes = x!.shape.map((_, axis) => axis).filter((axis) => axis !== 1);
    return [mul(gradient!, alongChannels(slope!, x!)), sum(mul(gradient!, x!), { axes }), sum(gradient!, { axes })];
  },
};

/**
 * x · slope + intercept in one pass over x, with one slope and one intercept per channel.
 * @param x - [N, C, ...]
 * @param slope - [C]
 * @param intercept - [C]
 */
export function affineChannels(x: Tensor, slope: Tensor, intercept: Tensor): Tensor {
  const channels = x.shape[1]!;
  if (slope.shape.join() !== String(channels) || intercept.shape.join() !== String(channels)) {
    throw shapeError("affineChannels", "slope and intercept must be [C]", x.shape, slope.shape, intercept.shape);
  }
  // The ONNX operator needs at least one axis of pixels.
  if (x.shape.length === 2) return add(mul(x, alongChannels(slope, x)), alongChannels(intercept, x));
  return appendOne(BatchNormalization, [x, slope, intercept], { channels }, x.dtype, x.shape);
}

/** Reshapes one value per channel, [C], so that it broadcasts along the second axis of `x`. */
export function alongChannels(values: Tensor, { shape }: Tensor): Tensor {
  return reshape(
    values,
    shape.map((_, axis) => (axis === 1 ? -1 : 1)),
  );
}
