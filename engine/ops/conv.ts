import { type Attributes, appendOne, type Operator, shapeError, type Tensor } from "../graph/graph.ts";
import { requireSameType } from "../graph/shapes.ts";
import { sum } from "./broadcast.ts";
import { filterGradient } from "./filter-gradient.ts";
import { transpose } from "./reshape.ts";
import { slice } from "./slice.ts";

export interface ConvOptions {
  /** Added to each output channel, shape [O]. */
  readonly bias?: Tensor;
  /** The stride along both axes; 1 by default. */
  readonly stride?: number;
  /** Pixels of zeros on every side of the image; 0 by default. */
  readonly padding?: number;
}

const Conv: Operator = {
  name: "Conv",
  vjp: ({ inputs: [x, filters, bias], attributes }, [gradient]) => {
    const { stride, padding } = geometry(attributes);
    return [
      inputGradient(gradient!, filters!, { stride, padding, outputSize: x!.shape.slice(2) }),
      filterGradient(x!, gradient!, { kernel: kernelOf(filters!), stride, padding }),
      bias === undefined ? undefined : sum(gradient!, { axes: [0, 2, 3] }),
    ];
  },
};

const ConvTranspose: Operator = {
  name: "ConvTranspose",
  vjp: ({ inputs: [x, filters], attributes }, [gradient]) => {
    const { stride, padding } = geometry(attributes);
    return [
      conv2d(gradient!, filters!, { stride, padding }),
      filterGradient(gradient!, x!, { kernel: kernelOf(filters!), stride, padding }),
    ];
  },
};

function kernelOf(filters: Tensor): [number, number] {
  return [filters.shape[2]!, filters.shape[3]!];
}

function geometry(attributes: Attributes) {
  return { stride: (attributes["strides"] as number[])[0]!, padding: (attributes["pads"] as number[])[0]! };
}

/**
 * Cross-correlation of images with filters.
 * @param x - images, [N, I, H, W]
 * @param filters - [O, I, height, width]
 * @returns [N, O, (H + 2·padding - height) / stride + 1, likewise for W]
 * @throws Cifar5mError `engine/wrong-shape` for other shapes, or types that differ
 */
export function conv2d(x: Tensor, filters: Tensor, { bias, stride = 1, padding = 0 }: ConvOptions = {}): Tensor {
  const [numImages, channels, ...size] = x.shape;
  const [numFilters, filterChannels, ...kernel] = filters.shape;
  if (x.shape.length !== 4 || filters.shape.length !== 4 || channels !== filterChannels) {
    throw shapeError("conv2d", "expects [N, I, H, W] and [O, I, h, w] with equal I", x.shape, filters.shape);
  }
  if (bias !== undefined && bias.shape.join() !== String(numFilters)) {
    throw shapeError("conv2d", "the bias must be [O] for filters [O, I, h, w]", bias.shape, filters.shape);
  }
  const operands = bias === undefined ? [x, filters] : [x, filters, bias];
  requireSameType("conv2d", operands);
  const outputSize = size.map((extent, axis) => Math.floor((extent + 2 * padding - kernel[axis]!) / stride) + 1);
  if (outputSize.some((extent) => extent < 1)) {
    throw shapeError("conv2d", "the filter must fit into the padded image", x.shape, filters.shape);
  }
  return appendOne(
    Conv,
    operands,
    { kernel_shape: kernel, strides: [stride, stride], pads: [padding, padding, padding, padding] },
    x.dtype,
    [numImages!, numFilters!, ...outputSize],
  );
}

/**
 * The transpose of `conv2d` as a linear map of images. It computes the gradient for the images.
 * @param x - [N, O, H, W]
 * @param filters - [O, I, height, width]
 * @param options.outputSize - [H, W] of the result; the stride alone does not determine it
 * @returns [N, I, ...outputSize]
 */
export function convTranspose2d(
  x: Tensor,
  filters: Tensor,
  options: { readonly stride: number; readonly padding: number; readonly outputSize: readonly number[] },
): Tensor {
  const { stride, padding, outputSize } = options;
  const [numImages, channels, ...size] = x.shape;
  const [filterChannels, numOutputs, ...kernel] = filters.shape;
  if (channels !== filterChannels) {
    throw shapeError("convTranspose2d", "expects [N, O, H, W] and [O, I, h, w] with equal O", x.shape, filters.shape);
  }
  requireSameType("convTranspose2d", [x, filters]);
  const outputPadding = outputSize.map(
    (extent, axis) => extent - ((size[axis]! - 1) * stride + kernel[axis]! - 2 * padding),
  );
  if (outputPadding.some((extent) => extent < 0 || (extent > 0 && extent >= stride))) {
    throw shapeError("convTranspose2d", "the output size must fit the stride", x.shape, outputSize);
  }
  return appendOne(
    ConvTranspose,
    [x, filters],
    {
      kernel_shape: kernel,
      strides: [stride, stride],
      pads: [padding, padding, padding, padding],
      output_padding: outputPadding,
    },
    x.dtype,
    [numImages!, numOutputs!, ...outputSize],
  );
}

/**
 * Gradient of a convolution with respect to its images. At stride 1 it is a convolution with the filters rotated by 180°
 * and their channels exchanged, which engines compute about a third faster than the transposed convolution.
 */
function inputGradient(
  gradient: Tensor,
  filters: Tensor,
  options: { readonly stride: number; readonly padding: number; readonly outputSize: readonly number[] },
): Tensor {
  const [height, width] = filters.shape.slice(2) as [number, number];
  const padding = height - 1 - options.padding;
  if (options.stride !== 1 || height !== width || padding < 0) return convTranspose2d(gradient, filters, options);
  const rotated =
    height === 1
      ? filters
      : slice(
          filters,
          [2, 3].map((axis) => ({ axis, start: height - 1, end: -Infinity, step: -1 })),
        );
  return conv2d(gradient, transpose(rotated, [1, 0, 2, 3]), { padding });
}
