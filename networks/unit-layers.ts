import type { Tensor } from "../engine/graph/graph.ts";
import { type Shape, sizeOf, tensorData } from "../engine/graph/tensor.ts";
import { sum } from "../engine/ops/broadcast.ts";
import { concat } from "../engine/ops/concat.ts";
import { conv2d } from "../engine/ops/conv.ts";
import { add, div, mul, sqrt } from "../engine/ops/elementwise.ts";
import { matmul } from "../engine/ops/matmul.ts";
import { mean } from "../engine/ops/reduce.ts";
import { fanInInitializer, type Scope } from "../engine/parameters/parameters.ts";

/**
 * Layers whose weight vectors are normalized to one length, so that they keep the magnitude of uncorrelated features.
 * @see Karras et al. 2023, arXiv:2312.02696, section 2. Here weights are normalized at every use.
 */

/** Root mean square of SiLU of standard normal numbers. */
export const siluMagnitude = 0.596;

const epsilon = 1e-4;

/**
 * A convolution that keeps the image's size and multiplies its magnitude by `scale`: [N, C, H, W] to
 * [N, numOutputs, H, W]. It has no bias.
 * @param options - kernel: the side of the filters in pixels, odd
 */
export function unitConv(scope: Scope, x: Tensor, numOutputs: number, { kernel = 3, scale = 1 } = {}): Tensor {
  const filters = unitWeights(scope, "weight", [numOutputs, x.shape[1]!, kernel, kernel], [1, 2, 3], scale);
  return conv2d(x, filters, { padding: (kernel - 1) / 2 });
}

/** A linear map of rows that multiplies their magnitude by `scale`: [N, inputs] to [N, numOutputs]. */
export function unitLinear(scope: Scope, x: Tensor, numOutputs: number, scale: number): Tensor {
  return matmul(x, unitWeights(scope, "weight", [x.shape[1]!, numOutputs], [0], scale));
}

/** A parameter, normalized to length `scale` along some axes. For a trained network the result is one constant. */
export function unitWeights(scope: Scope, name: string, shape: Shape, axes: readonly number[], scale: number): Tensor {
  const fanIn = sizeOf(axes.map((axis) => shape[axis]!));
  const weights = scope.parameter(name, shape, fanInInitializer(fanIn));
  const constant = weights.graph.constants.get(weights.name);
  if (constant !== undefined) {
    // Later calls of the network share the result.
    const normalized = `${weights.name} × ${scale}`;
    const data =
      weights.graph.constants.get(normalized)?.data ??
      normalizedRows(constant.data as Float32Array, shape, axes, scale);
    return weights.graph.constant({ dtype: "float32", shape, data }, normalized);
  }
  const length = sqrt(sum(mul(weights, weights), { axes, keepDims: true }));
  return mul(weights, div(scale, add(length, epsilon)));
}

/** The same for arrays. The outputs of the weights are their first or their last axis. */
function normalizedRows(data: Float32Array, shape: Shape, axes: readonly number[], scale: number): Float32Array {
  const outputAxis = axes[0] === 0 ? shape.length - 1 : 0;
  const numOutputs = shape[outputAxis]!;
  const outputOf = (index: number) =>
    outputAxis === 0 ? Math.floor((index * numOutputs) / data.length) : index % numOutputs;
  const squares = new Float64Array(numOutputs);
  data.forEach((value, index) => {
    squares[outputOf(index)]! += value * value;
  });
  return data.map((value, index) => (value * scale) / (Math.sqrt(squares[outputOf(index)]!) + epsilon));
}

/** Scales the root mean square along an axis to 1. The result has the shape of `x`. */
export function normalizeAlong(x: Tensor, axis: number): Tensor {
  return div(x, sqrt(add(mean(mul(x, x), { axes: [axis], keepDims: true }), epsilon)));
}

/** Adds a channel of ones, which takes the place of biases. */
export function withOnes(x: Tensor): Tensor {
  const shape = x.shape.with(1, 1);
  const ones = x.graph.constant(tensorData("float32", shape, new Array<number>(sizeOf(shape)).fill(1)));
  return concat([x, ones], 1);
}
