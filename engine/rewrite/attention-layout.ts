import type { Node, Tensor } from "../graph/graph.ts";
import type { Shape } from "../graph/tensor.ts";
import { split } from "../ops/concat.ts";
import { mul } from "../ops/elementwise.ts";
import { matmul } from "../ops/matmul.ts";
import { reshape, transpose } from "../ops/reshape.ts";
import type { HwncRule, HwncRules } from "./hwnc-values.ts";

/**
 * Images as the matrices of attention, with the last two axes exchanged: the HWNC layout gives them in this order.
 * @param images - [H, W, N, heads · width]
 * @param shape - of the old matrices, [N, heads, width, H·W]
 * @returns [N, heads, H·W, width]
 */
export function enterHeads(images: Tensor, shape: Shape): Tensor {
  const [numImages, numHeads, width, numPixels] = shape as [number, number, number, number];
  return transpose(reshape(images, [numPixels, numImages, numHeads, width]), [1, 2, 0, 3]);
}

const splitHeads: HwncRule<"Split"> = ({ inputs, attributes }, values) => {
  if (attributes.axis !== 1) return undefined;
  return split(values.headsOf(inputs[0]!)!, attributes.sizes, 1).map((heads) => ({ heads }));
};

const swapBack: HwncRule<"Transpose"> = (node, values) =>
  isSwap(node) ? { plain: values.headsOf(node.inputs[0]!)! } : undefined;

const scaleHeads: HwncRule<"Mul"> = ({ inputs }, values) => {
  const [first, second] = inputs as [Tensor, Tensor];
  return second.shape.length === 0 ? { heads: mul(values.headsOf(first)!, values.copyOf(second)) } : undefined;
};

/** value · swapped(weights), whose transpose is weights · swapped(value). */
const mixHeads: HwncRule<"MatMul"> = ({ inputs }, values) => {
  const [first, second] = inputs as [Tensor, Tensor];
  const swapped = values.from.producerOf(second);
  if (swapped === undefined || !isSwap(swapped)) return undefined;
  return { heads: matmul(values.copyOf(swapped.inputs[0]!), values.headsOf(first)!) };
};

/** Matrices become images again. */
const leaveHeads: HwncRule<"Reshape"> = ({ inputs, outputs }, values) => {
  const [first] = inputs as [Tensor];
  const result = outputs[0]!;
  if (result.shape.length !== 4 || !values.gains(result)) return undefined;
  const [numImages, channels, height, width] = result.shape as [number, number, number, number];
  if (numImages !== first.shape[0] || first.shape.at(-1) !== height * width) return undefined;
  const pixelsFirst = transpose(values.headsOf(first)!, [2, 0, 1, 3]);
  return { images: { tensor: reshape(pixelsFirst, [height, width, numImages, channels]) } };
};

function isSwap({ op, attributes }: Node): boolean {
  return op.name === "Transpose" && String(attributes["perm"]) === "0,1,3,2";
}

/** Rules for nodes whose first input is the matrices of attention. */
export const attentionRules: HwncRules = {
  Split: splitHeads,
  Transpose: swapBack,
  Mul: scaleHeads,
  MatMul: mixHeads,
  Reshape: leaveHeads,
};
