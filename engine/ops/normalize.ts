import { appendOne, innermostGraph, type Operator, type Tensor } from "../graph.ts";
import { tensorData } from "../tensor.ts";
import { mul, sub } from "./elementwise.ts";
import { mean, normalizeAxes, sum } from "./reduce.ts";

const Softmax: Operator = {
  name: "Softmax",
  vjp: ({ outputs: [result], attributes }, [gradient]) => {
    const weighted = mul(gradient!, result!);
    const total = sum(weighted, { axes: [attributes["axis"] as number], keepDims: true });
    return [sub(weighted, mul(result!, total))];
  },
};

/** Non-negative numbers that add up to 1 along an axis, the last by default. */
export function softmax(x: Tensor, axis = -1): Tensor {
  return appendOne(Softmax, [x], { axis: normalizeAxes([axis], x.shape.length)[0]! }, x.dtype, x.shape);
}

const LayerNormalization: Operator = {
  name: "LayerNormalization",
  floatAttributes: ["epsilon"],
  constantInputs: ({ size }, dtype) => [tensorData(dtype, [size as number], new Array<number>(size as number).fill(1))],
  onnxAttributes: ({ epsilon }) => ({ axis: -1, epsilon: epsilon! }),
  vjp: ({ outputs: [result, , inverseDeviation] }, [gradient]) => {
    const axes = [-1];
    const centred = sub(gradient!, mean(gradient!, { axes, keepDims: true }));
    const along = mul(result!, mean(mul(gradient!, result!), { axes, keepDims: true }));
    return [mul(sub(centred, along), inverseDeviation!)];
  },
};

/** Each row of the last axis shifted and scaled to mean 0 and variance 1 / (1 + epsilon / variance). */
export function standardize(x: Tensor, epsilon: number): Tensor {
  const rows = { dtype: x.dtype, shape: x.shape.with(-1, 1) };
  const attributes = { size: x.shape.at(-1)!, epsilon };
  return innermostGraph([x]).append(
    LayerNormalization,
    [x],
    attributes,
    [x, rows, rows].map(({ dtype, shape }) => ({ dtype, shape })),
  )[0]!;
}
