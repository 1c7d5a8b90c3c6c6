import * as z from "zod";
import type { Tensor } from "../engine/graph/graph.ts";
import { concat } from "../engine/ops/concat.ts";
import { averagePool } from "../engine/ops/pool.ts";
import { mean } from "../engine/ops/reduce.ts";
import type { Scope } from "../engine/parameters/parameters.ts";
import { classifierOptions, widthSchema } from "./classifier-options.ts";
import { dropoutLayer, normRelu } from "./layers.ts";
import { torchConv, torchLinear } from "./torch-layers.ts";

export const densenetSchema = z.strictObject({
  name: z.literal("densenet"),
  growth: widthSchema.default(12).describe("channels that each layer adds"),
  depths: z
    .array(z.int().min(1).max(1000))
    .min(1)
    .max(6)
    .default([6, 12, 24, 16])
    .describe("layers of each block; between blocks the image is halved"),
  compression: z.number().gt(0).max(1).default(0.5).describe("part of the channels that is left between blocks"),
  ...classifierOptions,
});

/** Channels of the first convolution of a layer, as a multiple of the growth. */
const bottleneck = 4;

/**
 * DenseNet with bottlenecks and compression (DenseNet-BC): each layer gets the outputs of all earlier layers of its block.
 * @param images - [N, C, H, W]
 * @returns logits, [N, numClasses]
 * @see Huang et al. 2017, arXiv:1608.06993
 */
export function densenet(scope: Scope, images: Tensor, options: z.infer<typeof densenetSchema>): Tensor {
  const { growth, depths, compression } = options;
  let hidden = torchConv(scope.child("stem"), images, 2 * growth);
  depths.forEach((depth, block) => {
    if (block > 0) {
      const join = scope.child(`join${block}`);
      const channels = Math.max(1, Math.floor(hidden.shape[1]! * compression));
      const squeezed = torchConv(join.child("conv"), normRelu(join.child("norm"), hidden), channels, { kernel: 1 });
      hidden = averagePool(squeezed, 2);
    }
    for (let index = 0; index < depth; index++) {
      const layer = scope.child(`block${block}.layer${index}`);
      const widened = torchConv(layer.child("conv0"), normRelu(layer.child("norm0"), hidden), bottleneck * growth, {
        kernel: 1,
      });
      const added = torchConv(layer.child("conv1"), normRelu(layer.child("norm1"), widened), growth);
      hidden = concat([hidden, dropoutLayer(layer, added, options.dropout)], 1);
    }
  });
  const features = mean(normRelu(scope.child("norm"), hidden), { axes: [2, 3] });
  return torchLinear(scope.child("head"), features, options.numClasses);
}
