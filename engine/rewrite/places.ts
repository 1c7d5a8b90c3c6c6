import type { Tensor } from "../graph.ts";
import { add, div, mul, sqrt, sub } from "../ops/elementwise.ts";
import { matmul } from "../ops/matmul.ts";
import { reshape } from "../ops/shape.ts";
import { type Shape, sizeOf, tensorData } from "../tensor.ts";

/**
 * Images [N, C, H, W] kept as [H, W, N, C], with a factor and a summand for each channel that are still to be applied,
 * both [1, 1, N or 1, C]: so bias, normalization and modulation together pass over the images once.
 */
export interface Places {
  readonly tensor: Tensor;
  readonly slope?: Tensor | undefined;
  readonly intercept?: Tensor | undefined;
}

export function scaled({ tensor, slope, intercept }: Places, factor: Tensor): Places {
  return {
    tensor,
    slope: slope === undefined ? factor : mul(slope, factor),
    intercept: intercept && mul(intercept, factor),
  };
}

export function shifted({ tensor, slope, intercept }: Places, summand: Tensor): Places {
  return { tensor, slope, intercept: intercept === undefined ? summand : add(intercept, summand) };
}

export function applied({ tensor, slope, intercept }: Places): Tensor {
  const product = slope === undefined ? tensor : mul(tensor, slope);
  return intercept === undefined ? product : add(product, intercept);
}

/**
 * Mean 0 and variance 1 in each group of channels of each image, from the means over places. Means are matrix products,
 * which onnxruntime does faster than reductions; the one over a group also hands its value to the group's channels.
 */
export function normalizeGroups({ tensor, slope, intercept }: Places, numGroups: number, epsilon: number): Places {
  const base = slope === undefined ? { tensor, intercept } : { tensor: applied({ tensor, slope, intercept }) };
  const [height, width, numImages, channels] = tensor.shape as [number, number, number, number];
  const numPlaces = height * width;
  const constant = (shape: Shape, value: (index: number) => number) =>
    tensor.graph.constant(
      tensorData(
        "float32",
        shape,
        Array.from({ length: sizeOf(shape) }, (_, i) => value(i)),
      ),
    );
  const overPlaces = constant([1, numPlaces], () => 1 / numPlaces);
  const size = channels / numGroups;
  const groupOf = (channel: number) => Math.floor(channel / size);
  const overGroup = constant([channels, channels], (index) =>
    groupOf(Math.floor(index / channels)) === groupOf(index % channels) ? 1 / size : 0,
  );
  const meanOf = (x: Tensor) =>
    reshape(matmul(overPlaces, reshape(x, [numPlaces, numImages * channels])), [numImages, channels]);
  const first = meanOf(base.tensor);
  const second = meanOf(mul(base.tensor, base.tensor));
  // With the summand b still to come, E(x + b) = E(x) + b and E(x + b)² = E(x²) + b · (2 · E(x) + b).
  const summand = base.intercept && reshape(base.intercept, [-1, channels]);
  const mean = matmul(summand === undefined ? first : add(first, summand), overGroup);
  const square = matmul(
    summand === undefined ? second : add(second, mul(summand, add(mul(first, 2), summand))),
    overGroup,
  );
  const deviation = sqrt(add(sub(square, mul(mean, mean)), epsilon));
  const perChannel = (values: Tensor) => reshape(values, [1, 1, numImages, channels]);
  const centre = summand === undefined ? mul(mean, -1) : sub(summand, mean);
  return {
    tensor: base.tensor,
    slope: perChannel(div(1, deviation)),
    intercept: perChannel(div(centre, deviation)),
  };
}

/** Means of squares of 2×2 pixels. */
export function halve(x: Tensor): Tensor {
  return alongSides(x, 1 / 2, (result, pixel) => (result === Math.floor(pixel / 2) ? 1 / 2 : 0));
}

/** Every pixel repeated. */
export function enlarge(x: Tensor, size: number): Tensor {
  return alongSides(x, size, (result, pixel) => (Math.floor(result / size) === pixel ? 1 : 0));
}

/** A linear map of each column and row, as matrix products: onnxruntime's reductions and expansions are slower. */
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
