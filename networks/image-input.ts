import type { Tensor } from "../engine/graph/graph.ts";
import { cast, mul, sub } from "../engine/ops/elementwise.ts";
import { transpose } from "../engine/ops/reshape.ts";

/** Converts images [N, H, W, C] of bytes (uint8) to [N, C, H, W] with numbers in [-1, 1]. */
export function imagesFromBytes(bytes: Tensor): Tensor {
  return sub(mul(transpose(cast(bytes, "float32"), [0, 3, 1, 2]), 2 / 255), 1);
}
