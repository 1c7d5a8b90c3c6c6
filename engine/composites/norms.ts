import { shapeError, type Tensor } from "../graph.ts";
import { add, div, mul, sqrt, sub } from "../ops/elementwise.ts";
import { standardize } from "../ops/normalize.ts";
import { mean, sum } from "../ops/reduce.ts";
import { reshape } from "../ops/shape.ts";
import { sizeOf } from "../tensor.ts";
import { withGradient } from "./custom-gradient.ts";

/** A value per channel, shape [C], made to broadcast over images [N, C, H, W]. */
export function perChannel(values: Tensor): Tensor {
  return reshape(values, [1, values.shape[0]!, 1, 1]);
}

/**
 * Group normalization of images [N, C, H, W], without scale and shift.
 * @see Wu and He 2018, arXiv:1803.08494
 */
export function groupStandardize(x: Tensor, numGroups: number, epsilon = 1e-5): Tensor {
  const [numImages, channels] = x.shape as [number, number];
  if (channels % numGroups !== 0)
    throw shapeError("groupStandardize", `channels must divide into ${numGroups}`, x.shape);
  return reshape(standardize(reshape(x, [numImages, numGroups, -1]), epsilon), x.shape);
}

/** Group normalization with scale and shift, each of shape [C]. */
export function groupNorm(x: Tensor, numGroups: number, scale: Tensor, shift: Tensor, epsilon = 1e-5): Tensor {
  return add(mul(groupStandardize(x, numGroups, epsilon), perChannel(scale)), perChannel(shift));
}

/**
 * Layer normalization over the last axis, of extent C; scale and shift have shape [C].
 * @see Ba et al. 2016, arXiv:1607.06450
 */
export function layerNorm(x: Tensor, scale: Tensor, shift: Tensor, epsilon = 1e-5): Tensor {
  return add(mul(standardize(x, epsilon), scale), shift);
}

export interface BatchStatistics {
  /** Mean of each channel, [C]. */
  readonly mean: Tensor;
  /** Variance of each channel (divided by the count), [C]. */
  readonly variance: Tensor;
}

/**
 * Batch normalization of images [N, C, H, W] by the statistics of the batch itself; scale and shift have shape [C].
 * @returns the images and the statistics, for a running average
 * @see Ioffe and Szegedy 2015, arXiv:1502.03167
 */
export function batchNorm(
  x: Tensor,
  scale: Tensor,
  shift: Tensor,
  epsilon = 1e-5,
): { readonly result: Tensor; readonly statistics: BatchStatistics } {
  const axes = [0, 2, 3];
  const channels = x.shape[1]!;
  const numPerChannel = sizeOf(x.shape) / channels;
  const batchMean = mean(x, { axes });
  const variance = sub(mean(mul(x, x), { axes }), mul(batchMean, batchMean));
  const inverseDeviation = div(1, sqrt(add(variance, epsilon)));
  const slope = mul(scale, inverseDeviation);
  const result = affine(x, slope, sub(shift, mul(batchMean, slope)));
  const whole = withGradient(result, [x, scale, shift], (gradient) => {
    const shiftGradient = sum(gradient, { axes });
    const product = sum(mul(gradient, x), { axes });
    const scaleGradient = mul(sub(product, mul(batchMean, shiftGradient)), inverseDeviation);
    // dx = slope · (g - mean(g) - normalized · mean(g · normalized)), gathered into one affine map of g and one of x.
    const alongX = mul(mul(slope, inverseDeviation), div(scaleGradient, -numPerChannel));
    const constant = sub(mul(slope, div(shiftGradient, -numPerChannel)), mul(alongX, batchMean));
    return [add(mul(gradient, perChannel(slope)), affine(x, alongX, constant)), scaleGradient, shiftGradient];
  });
  return { result: whole, statistics: { mean: batchMean, variance } };
}

/** Batch normalization by given statistics, as after training. */
export function batchNormBy(
  x: Tensor,
  scale: Tensor,
  shift: Tensor,
  statistics: BatchStatistics,
  epsilon = 1e-5,
): Tensor {
  const slope = div(scale, sqrt(add(statistics.variance, epsilon)));
  return affine(x, slope, sub(shift, mul(statistics.mean, slope)));
}

function affine(x: Tensor, slope: Tensor, intercept: Tensor): Tensor {
  return add(mul(x, perChannel(slope)), perChannel(intercept));
}
