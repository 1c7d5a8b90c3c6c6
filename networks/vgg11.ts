import * as z from "zod";
import type { Tensor } from "../engine/graph/graph.ts";
import { maxPool } from "../engine/ops/pool.ts";
import { mean } from "../engine/ops/reduce.ts";
import type { Scope } from "../engine/parameters/parameters.ts";
import { classifierOptions, widthSchema } from "./classifier-options.ts";
import { dropoutLayer } from "./layers.ts";
import { convNormRelu, torchLinear } from "./torch-layers.ts";

export const vgg11Schema = z.strictObject({
  name: z.literal("vgg11"),
  width: widthSchema.default(64).describe("channels of the first convolution; the last ones have eight times as many"),
  ...classifierOptions,
});

/** Channels of each convolution, as multiples of the width; each group ends by halving the image. */
const groups = [[1], [2], [4, 4], [8, 8], [8, 8]];

/**
 * VGG11 with batch normalization for 32×32 images: one linear layer follows the convolutions.
 * @param images - [N, C, H, W], H and W of at least 32
 * @returns logits, [N, numClasses]
 * @see Simonyan and Zisserman 2015, arXiv:1409.1556, configuration A
 */
export function vgg11(scope: Scope, images: Tensor, options: z.infer<typeof vgg11Schema>): Tensor {
  let hidden = images;
  groups.forEach((multipliers, group) => {
    multipliers.forEach((multiplier, index) => {
      hidden = convNormRelu(scope.child(`group${group}.layer${index}`), hidden, multiplier * options.width);
    });
    hidden = maxPool(hidden, 2);
  });
  const features = dropoutLayer(scope, mean(hidden, { axes: [2, 3] }), options.dropout);
  return torchLinear(scope.child("head"), features, options.numClasses);
}
