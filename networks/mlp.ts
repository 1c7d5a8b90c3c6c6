import * as z from "zod";
import type { Tensor } from "../engine/graph/graph.ts";
import { reshape } from "../engine/ops/reshape.ts";
import type { Scope } from "../engine/parameters/parameters.ts";
import { classifierOptions, widthSchema } from "./classifier-options.ts";
import { dropoutLayer, normRelu } from "./layers.ts";
import { torchLinear } from "./torch-layers.ts";

export const mlpSchema = z.strictObject({
  name: z.literal("mlp"),
  width: widthSchema.default(2048).describe("features of each hidden layer"),
  depth: z.int().min(1).max(1000).default(3).describe("hidden layers"),
  ...classifierOptions,
});

/**
 * Hidden layers that consist of Linear, BatchNorm and ReLU, then a linear layer.
 * @param images - [N, C, H, W]
 * @returns logits, [N, numClasses]
 * @see Nakkiran et al. 2020, arXiv:2010.08127, appendix B
 */
export function mlp(scope: Scope, images: Tensor, options: z.infer<typeof mlpSchema>): Tensor {
  let hidden = reshape(images, [images.shape[0]!, -1]);
  for (let index = 0; index < options.depth; index++) {
    const layer = scope.child(`layer${index}`);
    const features = torchLinear(layer.child("linear"), hidden, options.width);
    hidden = dropoutLayer(layer, normRelu(layer.child("norm"), features), options.dropout);
  }
  return torchLinear(scope.child("head"), hidden, options.numClasses);
}
