import * as z from "zod";
import type { Tensor } from "../engine/graph/graph.ts";
import { add } from "../engine/ops/elementwise.ts";
import { mean } from "../engine/ops/reduce.ts";
import type { Scope } from "../engine/parameters/parameters.ts";
import { classifierOptions, widthSchema } from "./classifier-options.ts";
import { dropoutLayer, normRelu } from "./layers.ts";
import { torchConv, torchLinear } from "./torch-layers.ts";

export const resnet18kSchema = z.strictObject({
  name: z.literal("resnet18k"),
  width: widthSchema.default(64).describe("channels of the first group; each next one has twice as many"),
  ...classifierOptions,
});

const blocksPerGroup = 2;
const numGroups = 4;

/**
 * The preactivation ResNet18 of width k of the deep double descent experiments. It has four groups of two blocks, and each
 * group after the first halves the image. There is no normalization before the mean over pixels.
 * @param images - [N, C, H, W]
 * @returns logits, [N, numClasses]
 * @see Nakkiran et al. 2019, arXiv:1912.02292, appendix A; He et al. 2016, arXiv:1603.05027
 */
export function resnet18k(scope: Scope, images: Tensor, options: z.infer<typeof resnet18kSchema>): Tensor {
  let hidden = torchConv(scope.child("stem"), images, options.width);
  for (let group = 0; group < numGroups; group++) {
    for (let index = 0; index < blocksPerGroup; index++) {
      const stride = group > 0 && index === 0 ? 2 : 1;
      hidden = block(scope.child(`group${group}.block${index}`), hidden, options.width * 2 ** group, stride);
    }
  }
  const features = dropoutLayer(scope, mean(hidden, { axes: [2, 3] }), options.dropout);
  return torchLinear(scope.child("head"), features, options.numClasses);
}

/** A residual block. The shortcut branches off before the normalization, or after it if a convolution changes the shape. */
function block(scope: Scope, x: Tensor, width: number, stride: number): Tensor {
  const activated = normRelu(scope.child("norm0"), x);
  const entered = torchConv(scope.child("conv0"), activated, width, { stride });
  const change = torchConv(scope.child("conv1"), normRelu(scope.child("norm1"), entered), width);
  const keepsShape = stride === 1 && x.shape[1] === width;
  const kept = keepsShape ? x : torchConv(scope.child("skip"), activated, width, { kernel: 1, stride });
  return add(kept, change);
}
