import { appendOne, innermostGraph, type Operator, type Tensor } from "../graph.ts";
import { tensorData } from "../tensor.ts";
import { add, cast, mul, sub } from "./elementwise.ts";
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
  vjp: ({ outputs: [result, , statistic], attributes }, [gradient, , statisticGradient]) => {
    const options = { axes: [-1], keepDims: true };
    const inverseDeviation = cast(statistic!, result!.dtype);
    const parts: Tensor[] = [];
    if (gradient !== undefined) {
      const centred = sub(gradient, mean(gradient, options));
      const along = mul(result!, mean(mul(gradient, result!), options));
      parts.push(mul(sub(centred, along), inverseDeviation));
    }
    // Second derivatives come through the deviation too.
    if (statisticGradient !== undefined) {
      const slope = mul(mul(inverseDeviation, inverseDeviation), -1 / (attributes["size"] as number));
      parts.push(mul(result!, mul(cast(statisticGradient, result!.dtype), slope)));
    }
    return [parts.reduce((a, b) => add(a, b))];
  },
};

/** Each row of the last axis shifted and scaled to mean 0 and variance 1 / (1 + epsilon / variance). */
export function standardize(x: Tensor, epsilon: number): Tensor {
  return standardizeRows(x, epsilon).result;
}

/**
 * The same, with the factor of each row.
 * @returns `inverseDeviation` has extent 1 along the last axis
 */
export function standardizeRows(
  x: Tensor,
  epsilon: number,
): { readonly result: Tensor; readonly inverseDeviation: Tensor } {
  // ONNX gives the statistics in float32, whatever the type of x.
  const rows = { dtype: "float32" as const, shape: x.shape.with(-1, 1) };
  const attributes = { size: x.shape.at(-1)!, epsilon };
  const outputs = [x, rows, rows].map(({ dtype, shape }) => ({ dtype, shape }));
  const [result, , inverseDeviation] = innermostGraph([x]).append(LayerNormalization, [x], attributes, outputs);
  return { result: result!, inverseDeviation: cast(inverseDeviation!, x.dtype) };
}
