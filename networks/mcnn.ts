import * as z from "zod";
import type { Tensor } from "../engine/graph/graph.ts";
import { maxPool } from "../engine/ops/pool.ts";
import { max } from "../engine/ops/reduce.ts";
import type { Scope } from "../engine/parameters/parameters.ts";
import { classifierOptions, widthSchema } from "./classifier-options.ts";
import { dropoutLayer } from "./layers.ts";
import { convNormRelu, torchLinear } from "./torch-layers.ts";

export const mcnnSchema = z.strictObject({
  name: z.literal("mcnn"),
  width: widthSchema.default(64).describe("channels of the first convolution; each next one has twice as many"),
  ...classifierOptions,
});

/**
 * Four convolutions, each with twice the channels of the one before, then the maximum of each channel and a linear layer.
 * The image is halved after the second and the third convolution.
 * @param images - [N, C, H, W]
 * @returns logits, [N, numClasses]
 * @see Nakkiran et al. 2019, arXiv:1912.02292, appendix A ("5-layer CNN"), after David Page's "How to train your ResNet"
 */
export function mcnn(scope: Scope, images: Tensor, options: z.infer<typeof mcnnSchema>): Tensor {
  let hidden = images;
  for (let index = 0; index < 4; index++) {
    hidden = convNormRelu(scope.child(`layer${index}`), hidden, options.width * 2 ** index);
    if (index === 1 || index === 2) hidden = maxPool(hidden, 2);
  }
  const features = dropoutLayer(scope, max(hidden, { axes: [2, 3] }), options.dropout);
  return torchLinear(scope.child("head"), features, options.numClasses);
}
