import { randomStreams } from "../core/random.ts";
import { dropout } from "../engine/composites/dropout.ts";
import { batchNorm, batchNormBy, groupNorm, layerNorm } from "../engine/composites/norms.ts";
import { shapeError, type Tensor } from "../engine/graph/graph.ts";
import { sizeOf } from "../engine/graph/tensor.ts";
import { conv2d } from "../engine/ops/conv.ts";
import { add, mul, relu } from "../engine/ops/elementwise.ts";
import { matmul } from "../engine/ops/matmul.ts";
import {
  fanInInitializer,
  type Initializer,
  onesInitializer,
  type Scope,
  zerosInitializer,
} from "../engine/parameters/parameters.ts";

export interface ConvLayerOptions {
  /** Side of the filters in pixels; 3 by default. */
  readonly kernel?: number;
  readonly stride?: number;
  /** (kernel - 1) / 2 by default, which keeps the size at stride 1. */
  readonly padding?: number;
  readonly bias?: boolean;
  readonly initializer?: Initializer;
  readonly biasInitializer?: Initializer;
}

/**
 * Normal numbers with the standard deviation that PyTorch's initial weights and biases of convolutions and linear layers
 * have. PyTorch samples them uniformly from ±1/√fanIn.
 */
export function torchInitializer(fanIn: number): Initializer {
  return fanInInitializer(fanIn, 1 / 3);
}

/**
 * A convolution with learned filters: [N, C, H, W] to [N, numOutputs, H', W'].
 * @throws Cifar5mError `engine/wrong-shape` for an even kernel without padding of its own
 */
export function convLayer(scope: Scope, x: Tensor, numOutputs: number, options: ConvLayerOptions = {}): Tensor {
  const { kernel = 3, stride = 1, padding = (kernel - 1) / 2, bias = true } = options;
  if (!Number.isInteger(padding)) throw shapeError("convLayer", "an even kernel needs padding of its own", [kernel]);
  const numInputs = x.shape[1]!;
  const { initializer = fanInInitializer(numInputs * kernel * kernel), biasInitializer = zerosInitializer } = options;
  const filters = scope.parameter("weight", [numOutputs, numInputs, kernel, kernel], initializer);
  if (!bias) return conv2d(x, filters, { stride, padding });
  return conv2d(x, filters, { stride, padding, bias: scope.parameter("bias", [numOutputs], biasInitializer) });
}

/** A linear map of the last axis, with bias: [.., inputs] to [.., numOutputs]. */
export function linearLayer(
  scope: Scope,
  x: Tensor,
  numOutputs: number,
  initializer?: Initializer,
  biasInitializer: Initializer = zerosInitializer,
): Tensor {
  const numInputs = x.shape.at(-1)!;
  const weight = scope.parameter("weight", [numInputs, numOutputs], initializer ?? fanInInitializer(numInputs));
  return add(matmul(x, weight), scope.parameter("bias", [numOutputs], biasInitializer));
}

/**
 * Group normalization with learned scale and shift, [N, C, H, W] to the same shape.
 * @param numGroups - a divisor of C
 * @throws Cifar5mError `engine/wrong-shape` unless the groups divide the channels
 * @see Wu and He 2018, arXiv:1803.08494
 */
export function groupNormLayer(scope: Scope, x: Tensor, numGroups: number): Tensor {
  const channels = [x.shape[1]!];
  return groupNorm(
    x,
    numGroups,
    scope.parameter("weight", channels, onesInitializer),
    scope.parameter("bias", channels, zerosInitializer),
  );
}

/**
 * Layer normalization of the last axis with learned scale and shift, [.., C] to the same shape.
 * @see Ba et al. 2016, arXiv:1607.06450
 */
export function layerNormLayer(scope: Scope, x: Tensor): Tensor {
  const width = [x.shape.at(-1)!];
  return layerNorm(
    x,
    scope.parameter("weight", width, onesInitializer),
    scope.parameter("bias", width, zerosInitializer),
  );
}

/**
 * Batch normalization with learned scale and shift. It uses the statistics of the batch in training, and running
 * statistics otherwise. The running variance is unbiased (divided by the count minus one), as in PyTorch.
 * @param x - [N, C, ..]
 * @param options - momentum: the share of the running statistics that is kept at each step
 * @returns of the same shape as `x`
 * @see Ioffe and Szegedy 2015, arXiv:1502.03167
 */
export function batchNormLayer(
  scope: Scope,
  x: Tensor,
  { momentum = 0.9 }: { readonly momentum?: number } = {},
): Tensor {
  const channels = [x.shape[1]!];
  const scale = scope.parameter("weight", channels, onesInitializer);
  const shift = scope.parameter("bias", channels, zerosInitializer);
  const running = { mean: scope.state("mean", channels, 0), variance: scope.state("variance", channels, 1) };
  if (!scope.training) return batchNormBy(x, scale, shift, running);
  const { result, statistics } = batchNorm(x, scale, shift);
  const count = sizeOf(x.shape) / x.shape[1]!;
  const shares = { mean: 1 - momentum, variance: ((1 - momentum) * count) / (count - 1) };
  for (const key of ["mean", "variance"] as const) {
    scope.setState(key, add(mul(running[key], momentum), mul(statistics[key], shares[key])));
  }
  return result;
}

/** Batch normalization, then ReLU. */
export function normRelu(scope: Scope, x: Tensor): Tensor {
  return relu(batchNormLayer(scope, x));
}

/** In training, sets features to zero with probability `rate` and scales the others up. */
export function dropoutLayer(scope: Scope, x: Tensor, rate: number): Tensor {
  if (rate === 0 || !scope.training) return x;
  return dropout(x, rate, scope.random("uniform", randomStreams.dropout, x.shape));
}
