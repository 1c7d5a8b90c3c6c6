import { customVjp } from "../composites/custom-vjp.ts";
import type { Tensor } from "../graph/graph.ts";
import { tensorData } from "../graph/tensor.ts";
import { expand, sum } from "../ops/broadcast.ts";
import { concat, split } from "../ops/concat.ts";
import { add, cast, div, equal, maximum, mul, sigmoid, sqrt, sub } from "../ops/elementwise.ts";
import { matmul } from "../ops/matmul.ts";
import { reshape } from "../ops/reshape.ts";
import { slice } from "../ops/slice.ts";

/**
 * Images [N, C, H, W], stored as [H, W, N, C]. A slope and an intercept per channel, both [1, 1, N or 1, C], are not
 * applied yet, so that bias, normalization and modulation together need one pass over the images.
 */
export interface HwncImages {
  readonly tensor: Tensor;
  readonly slope?: Tensor | undefined;
  readonly intercept?: Tensor | undefined;
}

export function scaled({ tensor, slope, intercept }: HwncImages, factor: Tensor): HwncImages {
  return {
    tensor,
    slope: slope === undefined ? factor : mul(slope, factor),
    intercept: intercept && mul(intercept, factor),
  };
}

export function shifted({ tensor, slope, intercept }: HwncImages, summand: Tensor): HwncImages {
  return { tensor, slope, intercept: intercept === undefined ? summand : add(intercept, summand) };
}

/** Applies slope and intercept. Their gradients are sums over pixels, which are computed as matrix products. */
export function applied({ tensor, slope, intercept }: HwncImages): Tensor {
  // Expanded to one value per image, onnxruntime processes whole rows of N · C values at once.
  const shape = [1, 1, ...tensor.shape.slice(2)];
  let result = tensor;
  if (slope !== undefined) {
    const factor = expand(slope, shape);
    result = customVjp(mul(result, factor), [result, factor], (gradient, _product, [x, factor]) => [
      mul(gradient, factor),
      overPixels(mul(gradient, x), 1),
    ]);
  }
  if (intercept !== undefined) {
    const summand = expand(intercept, shape);
    result = customVjp(add(result, summand), [result, summand], (gradient) => [gradient, overPixels(gradient, 1)]);
  }
  return result;
}

/**
 * `silu` of the result of `applied`. The gradient recomputes the images and gates to save memory. It uses another shape,
 * so that onnxruntime's common-subexpression elimination does not merge the two and keep the result alive.
 */
export function activated(x: Tensor, origin: HwncImages): Tensor {
  const [height, width] = x.shape as [number, number];
  const operands = [origin.tensor, origin.slope, origin.intercept].filter((tensor) => tensor !== undefined);
  return customVjp(mul(x, sigmoid(x)), [x, ...operands], (gradient, result, [, images, ...rest]) => {
    const factors = [...rest];
    const again = applied({
      tensor: reshape(images!, [height * width, 1, ...images!.shape.slice(2)]),
      slope: origin.slope && factors.shift(),
      intercept: origin.intercept && factors.shift(),
    });
    const gate = reshape(sigmoid(again), x.shape);
    return [mul(gradient, add(result, mul(gate, sub(1, result))))];
  });
}

/** Sums over pixels, times a factor: [H, W, N, C] to [1, 1, N, C]. */
function overPixels(x: Tensor, factor: number): Tensor {
  const [height, width, numImages, channels] = x.shape as [number, number, number, number];
  const numPixels = height * width;
  const factors = x.graph.constant(tensorData("float32", [1, numPixels], new Array<number>(numPixels).fill(factor)));
  return reshape(matmul(factors, reshape(x, [numPixels, numImages * channels])), [1, 1, numImages, channels]);
}

/** Means over pixels of the images and of their squares, [1, 1, N, C] each; of a whole batch, [1, 1, 1, C] each. */
export function statistics(x: Tensor, { ofBatch = false } = {}): readonly [Tensor, Tensor] {
  const [height, width, numImages] = x.shape as [number, number, number];
  const count = height * width * (ofBatch ? numImages : 1);
  const means = [x, mul(x, x)].map((values) => {
    const perImage = overPixels(values, 1 / count);
    return ofBatch ? sum(perImage, { axes: [2], keepDims: true }) : perImage;
  });
  // One rule for both, so that their gradients need one pass over the images.
  const both = customVjp(concat(means, 0), [x], (gradient, _both, [images]) => {
    const [ofMean, ofSquare] = split(gradient, [1, 1], 0) as [Tensor, Tensor];
    return [add(mul(images, mul(ofSquare, 2 / count)), mul(ofMean, 1 / count))];
  });
  return split(both, [1, 1], 0) as [Tensor, Tensor];
}

/**
 * Normalizes each group of channels of each image to mean 0 and variance 1. Means are computed as matrix products, which
 * onnxruntime does faster than reductions. The product over groups also copies each mean to all channels of its group.
 * Variances of channels are E[x²] − E[x]², whose relative error in float32 is about 1e-7 · (mean / std)².
 */
export function normalizeGroups(
  { tensor, slope, intercept }: HwncImages,
  numGroups: number,
  epsilon: number,
): HwncImages {
  const base = slope === undefined ? { tensor, intercept } : { tensor: applied({ tensor, slope, intercept }) };
  const [numImages, channels] = tensor.shape.slice(2) as [number, number];
  const size = channels / numGroups;
  const groupOf = (channel: number) => Math.floor(channel / size);
  const sameGroup = Array.from({ length: channels ** 2 }, (_, index) =>
    groupOf(Math.floor(index / channels)) === groupOf(index % channels) ? 1 / size : 0,
  );
  const overGroup = tensor.graph.constant(tensorData("float32", [channels, channels], sameGroup));
  const [first, second] = statistics(base.tensor).map((means) => reshape(means, [numImages, channels])) as [
    Tensor,
    Tensor,
  ];
  // The summand is not applied yet. It shifts the means of the channels and does not change their variances.
  const summand =
    base.intercept && reshape(expand(base.intercept, [1, 1, base.intercept.shape[2]!, channels]), [-1, channels]);
  const ofChannels = summand === undefined ? first : add(first, summand);
  const mean = matmul(ofChannels, overGroup);
  const apart = sub(ofChannels, mean);
  // Rounding can make the difference negative if a channel hardly varies.
  const within = maximum(sub(second, mul(first, first)), 0);
  const std = sqrt(add(matmul(add(within, mul(apart, apart)), overGroup), epsilon));
  const perChannel = (values: Tensor) => reshape(values, [1, 1, numImages, channels]);
  const center = summand === undefined ? mul(mean, -1) : sub(summand, mean);
  return {
    tensor: base.tensor,
    slope: perChannel(div(1, std)),
    intercept: perChannel(div(center, std)),
  };
}

/** The mean of each 2×2 window. */
export function averagePool2x2(x: Tensor): Tensor {
  return alongSides(x, 1 / 2, (result, pixel) => (result === Math.floor(pixel / 2) ? 1 / 2 : 0));
}

/** The maximum of each 2×2 window of images with even sides. If several pixels are largest, they share the gradient. */
export function maxPool2x2(x: Tensor): Tensor {
  const [height, width, numImages, channels] = x.shape as [number, number, number, number];
  const windows = reshape(x, [height / 2, 2, width / 2, 2, numImages * channels]);
  const parts = [0, 1].flatMap((row) =>
    [0, 1].map((column) =>
      slice(windows, [
        { axis: 1, start: row, end: row + 1 },
        { axis: 3, start: column, end: column + 1 },
      ]),
    ),
  );
  const largest = parts.reduce((a, b) => maximum(a, b));
  const result = customVjp(largest, parts, (gradient, largest, parts) => {
    const chosen = parts.map((part) => cast(equal(part, largest), gradient.dtype));
    const share = div(
      gradient,
      chosen.reduce((a, b) => add(a, b)),
    );
    return chosen.map((isLargest) => mul(isLargest, share));
  });
  return reshape(result, [height / 2, width / 2, numImages, channels]);
}

/** Repeats each pixel `size`×`size` times. */
export function upsampleImages(x: Tensor, size: number): Tensor {
  return alongSides(x, size, (result, pixel) => (Math.floor(result / size) === pixel ? 1 : 0));
}

/** Applies a linear map along each side, as matrix products. onnxruntime's reductions and expansions are slower. */
function alongSides(x: Tensor, scale: number, factor: (result: number, pixel: number) => number): Tensor {
  const [height, width, numImages, channels] = x.shape as [number, number, number, number];
  const matrix = (side: number) => {
    const data = Array.from({ length: side * scale * side }, (_, i) => factor(Math.floor(i / side), i % side));
    return x.graph.constant(tensorData("float32", [side * scale, side], data));
  };
  const columns = matmul(matrix(height), reshape(x, [height, width * numImages * channels]));
  const both = matmul(matrix(width), reshape(columns, [height * scale, width, numImages * channels]));
  return reshape(both, [height * scale, width * scale, numImages, channels]);
}
