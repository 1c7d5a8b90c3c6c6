import type { Tensor } from "../engine/graph/graph.ts";
import { reshape, transpose } from "../engine/ops/reshape.ts";

/** Turns square patches of pixels into channels: [N, C, H, W] to [N, C·patch², H/patch, W/patch]. */
export function patchesToChannels(x: Tensor, patch: number): Tensor {
  if (patch === 1) return x;
  const [numImages, channels, height, width] = x.shape as [number, number, number, number];
  const split = reshape(x, [numImages, channels, height / patch, patch, width / patch, patch]);
  return reshape(transpose(split, [0, 1, 3, 5, 2, 4]), [
    numImages,
    channels * patch ** 2,
    height / patch,
    width / patch,
  ]);
}

/** The inverse of `patchesToChannels`. */
export function channelsToPatches(x: Tensor, patch: number): Tensor {
  if (patch === 1) return x;
  const [numImages, channels, height, width] = x.shape as [number, number, number, number];
  const split = reshape(x, [numImages, channels / patch ** 2, patch, patch, height, width]);
  return reshape(transpose(split, [0, 1, 4, 2, 5, 3]), [
    numImages,
    channels / patch ** 2,
    height * patch,
    width * patch,
  ]);
}
