import { Cifar5mError } from "../core/errors.ts";
import { shapeError, type Tensor } from "../engine/graph/graph.ts";
import { averagePool, upsample } from "../engine/ops/pool.ts";
import type { Scope } from "../engine/parameters/parameters.ts";
import { channelsToPatches, patchesToChannels } from "./patches.ts";
import { groupNormParts } from "./unet-group-norm.ts";
import { magnitudeParts } from "./unet-magnitude.ts";
import type { UNetOptions, UNetParts } from "./unet-parts.ts";

const partsOf: Readonly<Record<UNetOptions["normalization"], UNetParts>> = {
  groups: groupNormParts,
  magnitudes: magnitudeParts,
};

/**
 * A U-Net whose residual blocks are modulated by the noise level and the class.
 * @param x - images, [N, C, H, W]
 * @param noise - the noise level, mapped to numbers of order one, [N]
 * @param classes - class numbers, int64 [N]; `numClasses` means no class; undefined for an unconditional network
 * @returns [N, C, H, W]
 * @see Ho et al. 2020, arXiv:2006.11239, appendix B; Dhariwal and Nichol 2021, arXiv:2105.05233, section 3
 */
export function unet(
  scope: Scope,
  x: Tensor,
  noise: Tensor,
  classes: Tensor | undefined,
  options: UNetOptions,
): Tensor {
  const { channels, multipliers, blocks, patch, dropout } = options;
  if (channels % 4 !== 0) {
    throw new Cifar5mError(
      "engine/wrong-shape",
      `unet: channels must be a multiple of 4, got ${channels}. Check the network's options.`,
    );
  }
  const parts = partsOf[options.normalization];
  if (x.shape[2]! % (patch * 2 ** (multipliers.length - 1)) !== 0) {
    throw shapeError(
      "unet",
      `sides must divide by patch · 2^(levels - 1) = ${patch * 2 ** (multipliers.length - 1)}`,
      x.shape,
    );
  }
  const embedding = parts.embed(scope.child("embedding"), noise, classes, options);
  const inputs = patchesToChannels(x, patch);
  let hidden = parts.enter(scope.child("enter"), inputs, channels);
  const skips = [hidden];
  const block = (name: string, width: number, isEncoder: boolean) => {
    hidden = parts.residual(scope.child(name), hidden, embedding, { width, dropout, isEncoder });
    if (options.attentionResolutions.includes(hidden.shape[2]!)) {
      hidden = parts.attention(scope.child(`${name}.attention`), hidden);
    }
  };
  multipliers.forEach((multiplier, level) => {
    if (level > 0) {
      hidden = averagePool(hidden, 2);
      skips.push(hidden);
    }
    for (let index = 0; index < blocks; index++) {
      block(`down${level}.${index}`, channels * multiplier, true);
      skips.push(hidden);
    }
  });
  block("middle", channels * multipliers.at(-1)!, false);
  for (let level = multipliers.length - 1; level >= 0; level--) {
    for (let index = 0; index <= blocks; index++) {
      hidden = parts.join(hidden, skips.pop()!);
      block(`up${level}.${index}`, channels * multipliers[level]!, false);
    }
    if (level > 0) hidden = upsample(hidden, 2);
  }
  return channelsToPatches(parts.leave(scope, hidden, inputs.shape[1]!), patch);
}
