import type { Tensor } from "../engine/graph/graph.ts";
import { cast, mul, sub } from "../engine/ops/elementwise.ts";
import { transpose } from "../engine/ops/reshape.ts";

/** Bytes of images [N, H, W, C] (uint8) as numbers in [-1, 1], [N, C, H, W]. */
export function imagesFromBytes(bytes: Tensor): Tensor {
  return sub(mul(transpose(cast(bytes, "float32"), [0, 3, 1, 2]), 2 / 255), 1);
}
