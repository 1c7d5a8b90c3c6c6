import { shapeError, type Tensor } from "../graph/graph.ts";
import { sizeOf } from "../graph/tensor.ts";
import { expand, sum, sumTo } from "../ops/broadcast.ts";
import { add, div, maximum, mul, sqrt, sub } from "../ops/elementwise.ts";
import { affineChannels, alongChannels, standardize, standardizeRows } from "../ops/normalize.ts";
import { mean } from "../ops/reduce.ts";
import { reshape } from "../ops/reshape.ts";
import { customVjp } from "./custom-vjp.ts";

/**
 * Group normalization of images [N, C, H, W]: normalizes each group of channels of an image to mean 0 and variance 1,
 * then scales and shifts each channel. On CPUs the variance may be computed as that of `batchNorm`, with its rounding.
 * @param scale - [C], or a different scale for each image, [N, C, 1, 1]
 * @param shift - of the same shape as `scale`
 * @see Wu and He 2018, arXiv:1803.08494
 */
export function groupNorm(x: Tensor, numGroups: number, scale: Tensor, shift: Tensor, epsilon = 1e-5): Tensor {
  const [numImages, channels] = x.shape as [number, number];
  if (channels % numGroups !== 0) throw shapeError("groupNorm", `channels must divide into ${numGroups}`, x.shape);
  const rows = [numImages, numGroups, -1];
  const { result: grouped, inverseStd } = standardizeRows(reshape(x, rows), epsilon);
  const normalized = reshape(grouped, x.shape);
  const [slope, intercept] = [scale, shift].map((values) =>
    values.shape.length === 1 ? alongChannels(values, x) : values,
  );
  const result = add(mul(normalized, slope!), intercept!);
  // The gradients of scale and shift are sums over pixels. The means over groups for the gradient of x follow from them.
  const operands = [x, scale, shift, slope!, normalized, inverseStd] as const;
  return customVjp(
    result,
    operands,
    (gradient, _result, [x, scale, shift, slope, normalized, inverseStd]) => {
      const options = { axes: [2, 3], keepDims: true };
      const total = sum(gradient, options);
      const along = sum(mul(gradient, normalized), options);
      const groupMean = (sums: Tensor) => {
        const weighted = sum(reshape(mul(sums, slope), rows), { axes: [-1], keepDims: true });
        return mul(inverseStd, mul(weighted, numGroups / sizeOf(x.shape.slice(1))));
      };
      const direct = mul(gradient, reshape(mul(reshape(expand(slope, total.shape), rows), inverseStd), total.shape));
      const correction = add(mul(reshape(normalized, rows), groupMean(along)), groupMean(total));
      return [
        sub(direct, reshape(correction, x.shape)),
        reshape(sumTo(along, slope.shape), scale.shape),
        reshape(sumTo(total, slope.shape), shift.shape),
      ];
    },
    "algebraic",
  );
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
 * Batch normalization of images [N, C, H, W] or features [N, C] by the statistics of the batch itself; scale and shift
 * have shape [C]. The variance is E[x²] − E[x]², whose relative error in float32 is about 1e-7 · (mean / std)²: for inputs
 * whose mean is a thousand times their std or more, subtract a constant first.
 * @returns the result, and the batch statistics, from which running statistics can be updated
 * @see Ioffe and Szegedy 2015, arXiv:1502.03167
 */
export function batchNorm(
  x: Tensor,
  scale: Tensor,
  shift: Tensor,
  epsilon = 1e-5,
): { readonly result: Tensor; readonly statistics: BatchStatistics } {
  const axes = x.shape.map((_, axis) => axis).filter((axis) => axis !== 1);
  const channels = x.shape[1]!;
  const numPerChannel = sizeOf(x.shape) / channels;
  if (numPerChannel < 2) throw shapeError("batchNorm", "each channel needs two values or more", x.shape);
  const batchMean = mean(x, { axes });
  // Rounding can make the difference negative if a channel hardly varies.
  const variance = maximum(sub(mean(mul(x, x), { axes }), mul(batchMean, batchMean)), 0);
  const inverseStd = div(1, sqrt(add(variance, epsilon)));
  const slope = mul(scale, inverseStd);
  const result = affineChannels(x, slope, sub(shift, mul(batchMean, slope)));
  const operands = [x, scale, shift, slope, batchMean, inverseStd] as const;
  const whole = customVjp(
    result,
    operands,
    (gradient, _result, [x, , , slope, batchMean, inverseStd]) => {
      const shiftGradient = sum(gradient, { axes });
      const product = sum(mul(gradient, x), { axes });
      const scaleGradient = mul(sub(product, mul(batchMean, shiftGradient)), inverseStd);
      // dx = slope · (g - mean(g) - normalized · mean(g · normalized)), arranged as one affine map of g and one of x.
      const alongX = mul(mul(slope, inverseStd), div(scaleGradient, -numPerChannel));
      const constant = sub(mul(slope, div(shiftGradient, -numPerChannel)), mul(alongX, batchMean));
      return [
        add(mul(gradient, alongChannels(slope, x)), affineChannels(x, alongX, constant)),
        scaleGradient,
        shiftGradient,
      ];
    },
    "algebraic",
  );
  return { result: whole, statistics: { mean: batchMean, variance } };
}

/** Batch normalization with given statistics, as in inference. */
export function batchNormBy(
  x: Tensor,
  scale: Tensor,
  shift: Tensor,
  statistics: BatchStatistics,
  epsilon = 1e-5,
): Tensor {
  const slope = div(scale, sqrt(add(statistics.variance, epsilon)));
  return affineChannels(x, slope, sub(shift, mul(statistics.mean, slope)));
}
