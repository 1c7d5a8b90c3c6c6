import type { Tensor } from "../graph/graph.ts";
import type { Shape } from "../graph/tensor.ts";
import { concat } from "../ops/concat.ts";
import { matmul, swapLastTwo } from "../ops/matmul.ts";
import { mean } from "../ops/reduce.ts";
import { reshape } from "../ops/reshape.ts";
import { enterHeads } from "./attention-layout.ts";
import { transposeFilters } from "./constant-filters.ts";
import { averagePool2x2, maxPool2x2, normalizeGroups, upsampleImages } from "./hwnc-images.ts";
import type { HwncRule, HwncRules, HwncValues } from "./hwnc-values.ts";
import { toHwnc } from "./layout-change.ts";
import { trainableWinogradConv, transformConstantFilters, winogradConv } from "./winograd.ts";
import { is3x3, isHalving, sizeOfImages } from "./winograd-sizes.ts";

/** A 3×3 convolution in Winograd's form, or a 1×1 convolution as a matrix product. */
const convolve: HwncRule<"Conv"> = (node, values) => {
  const [x, filters, bias] = node.inputs as [Tensor, Tensor, Tensor | undefined];
  if (!values.gains(x)) return undefined;
  let tensor: Tensor;
  if (is3x3(filters, node)) {
    const constant = values.constants.convert(filters, transformConstantFilters);
    tensor =
      constant === undefined
        ? trainableWinogradConv(values.applied(x), values.copyOf(filters))
        : winogradConv(values.applied(x), constant);
  } else if (filters.shape.slice(2).join() === "1,1" && sizeOfImages(node.outputs[0]!) === sizeOfImages(x)) {
    tensor = matmul(
      values.applied(x),
      values.constants.convert(filters, transposeFilters) ??
        swapLastTwo(reshape(values.copyOf(filters), filters.shape.slice(0, 2))),
    );
  } else {
    return undefined;
  }
  return { images: { tensor, intercept: bias && reshape(values.copyOf(bias), [1, 1, 1, -1]) } };
};

const concatChannels: HwncRule<"Concat"> = ({ inputs, attributes }, values) => {
  if (attributes.axis !== 1 || inputs.every((input) => values.imagesOf(input) === undefined)) return undefined;
  return {
    images: {
      tensor: concat(
        inputs.map((input) => values.applied(input)),
        3,
      ),
    },
  };
};

/** Groups become images again, and images become groups or the heads of attention. */
const reshapeImages: HwncRule<"Reshape"> = ({ inputs, outputs }, values) => {
  const [first] = inputs as [Tensor];
  const { shape } = outputs[0]!;
  const grouped = values.groupsOf(first);
  if (grouped !== undefined) {
    const [height, width, numImages, channels] = grouped.tensor.shape;
    return shape.join() === [numImages, channels, height, width].join() ? { images: grouped } : undefined;
  }
  const images = values.imagesOf(first);
  if (images === undefined) return undefined;
  const [numImages, channels, height, width] = first.shape as [number, number, number, number];
  if (shape[0] !== numImages) return undefined;
  if (shape.length === 4 && shape[3] === height * width) {
    return { heads: enterHeads(values.applied(first), shape) };
  }
  return shape.length === 3 && channels % shape[1]! === 0 ? { groups: images } : undefined;
};

const normalizeGroupsOfImages: HwncRule<"LayerNormalization"> = ({ inputs, attributes }, values) => {
  const [first] = inputs as [Tensor];
  const grouped = values.groupsOf(first);
  return grouped && { groups: normalizeGroups(grouped, first.shape[1]!, attributes.epsilon) };
};

const scaleChannels: HwncRule<"BatchNormalization"> = ({ inputs }, values) => {
  const [first] = inputs as [Tensor];
  if (values.imagesOf(first) === undefined) return undefined;
  const [slope, intercept] = inputs.slice(1).map((old) => reshape(values.copyOf(old), [1, 1, 1, -1]));
  return { images: { tensor: values.applied(first), slope, intercept } };
};

const averagePixels: HwncRule<"AveragePool"> = (node, values) => {
  const [first] = node.inputs as [Tensor];
  if (!values.gains(node.outputs[0]!)) return undefined;
  const isHalved = values.imagesOf(first) !== undefined && String(node.attributes.kernel_shape) === "2,2";
  return { images: { tensor: isHalved ? averagePool2x2(values.applied(first)) : toHwnc(values.copyNode(node)) } };
};

const maxPixels: HwncRule<"MaxPool"> = (node, values) => {
  const [first] = node.inputs as [Tensor];
  if (values.imagesOf(first) === undefined || !isHalving(node)) return undefined;
  return { images: { tensor: maxPool2x2(values.applied(first)) } };
};

const resizeImages: HwncRule<"Resize"> = ({ inputs, outputs, attributes }, values) => {
  const [first] = inputs as [Tensor];
  if (values.imagesOf(first) === undefined || !values.gains(outputs[0]!)) return undefined;
  return { images: { tensor: upsampleImages(values.applied(first), attributes.size) } };
};

/** Means over a whole batch, as batch normalization uses them, and means over channels. */
const meanOfImages: HwncRule<"ReduceMean"> = ({ inputs, outputs, attributes }, values) => {
  const [first] = inputs as [Tensor];
  if (values.imagesOf(first) === undefined) return undefined;
  const axes = String(attributes.axes);
  if (axes === "0,2,3") return { plain: meanOfBatch(first, outputs[0]!.shape, values) };
  return axes === "1" ? { images: { tensor: mean(values.applied(first), { axes: [3], keepDims: true }) } } : undefined;
};

/** The mean of images, or of their squares. */
function meanOfBatch(images: Tensor, shape: Shape, values: HwncValues): Tensor {
  const square = values.from.producerOf(images);
  const isSquare = square?.op.name === "Mul" && square.inputs[0]!.name === square.inputs[1]!.name;
  const means = values.batchMeans(isSquare ? square.inputs[0]! : images);
  return reshape(means[isSquare ? 1 : 0], shape);
}

/** Rules for operations on images, apart from elementwise ones. */
export const imageRules = {
  Conv: convolve,
  Concat: concatChannels,
  Reshape: reshapeImages,
  LayerNormalization: normalizeGroupsOfImages,
  BatchNormalization: scaleChannels,
  AveragePool: averagePixels,
  MaxPool: maxPixels,
  Resize: resizeImages,
  ReduceMean: meanOfImages,
} satisfies HwncRules;
