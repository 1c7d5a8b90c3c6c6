import { shapeError, type Tensor } from "../graph/graph.ts";
import { mul } from "../ops/elementwise.ts";
import { matmul, swapLastTwo } from "../ops/matmul.ts";
import { softmax } from "../ops/normalize.ts";

/**
 * Scaled dot-product attention.
 * @param query - [.., queries, width]
 * @param key - [.., keys, width]
 * @param value - [.., keys, width of the result]
 * @returns [.., queries, width of the result]
 * @see Vaswani et al. 2017, arXiv:1706.03762, eq. 1
 */
export function attention(query: Tensor, key: Tensor, value: Tensor): Tensor {
  const width = query.shape.at(-1)!;
  if (key.shape.at(-1) !== width) throw shapeError("attention", "widths must agree", query.shape, key.shape);
  const scores = matmul(mul(query, 1 / Math.sqrt(width)), swapLastTwo(key));
  return matmul(softmax(scores), value);
}

/**
 * Attention with the pixels as the last axis. Images [N, C, H, W] have this order, so nothing needs to be transposed.
 * @param query - [.., width, queries]
 * @param key - [.., width, keys]
 * @param value - [.., width of the result, keys]
 * @returns [.., width of the result, queries]
 */
export function attentionPixelsLast(query: Tensor, key: Tensor, value: Tensor): Tensor {
  const width = query.shape.at(-2)!;
  if (key.shape.at(-2) !== width) throw shapeError("attention", "widths must agree", query.shape, key.shape);
  const scores = matmul(swapLastTwo(mul(query, 1 / Math.sqrt(width))), key);
  return matmul(value, swapLastTwo(softmax(scores)));
}
