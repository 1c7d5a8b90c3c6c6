import type { Tensor } from "../engine/graph/graph.ts";
import { tensorData } from "../engine/graph/tensor.ts";
import { concat } from "../engine/ops/concat.ts";
import { abs, add, cast, equal, floor, greater, less, mul, sub, where } from "../engine/ops/elementwise.ts";
import { matmul } from "../engine/ops/matmul.ts";
import { reshape, transpose } from "../engine/ops/reshape.ts";
import { slice } from "../engine/ops/slice.ts";

/** Mirrors images left to right, [N, C, H, W] to [N, C, H, W]. */
export function mirrored(x: Tensor): Tensor {
  return slice(x, [{ axis: 3, start: x.shape[3]! - 1, end: -Infinity, step: -1 }]);
}

/** Mirrors those images of [N, C, H, W] left to right for which `flipped` (bool, [N]) is true. */
export function flipWhere(x: Tensor, flipped: Tensor): Tensor {
  const other = mirrored(x);
  return where(reshape(flipped, [-1, 1, 1, 1]), other, x);
}

/**
 * Shifts each image by up to `reach` pixels along both axes. Images are reflected at their border. Shifting is a product
 * with a 0-1 matrix on each side, so it needs no special operation.
 * @param x - [N, C, H, W], H = W
 * @param uniform - random numbers in [0, 1), [N, 2]: for the rows, and for the columns
 * @returns [N, C, H, W]
 */
export function randomTranslation(x: Tensor, reach: number, uniform: Tensor): Tensor {
  const [numImages, , size] = x.shape as [number, number, number];
  const shifts = sub(floor(mul(uniform, 2 * reach + 1)), reach);
  const target = range(x, [1, size, 1], size);
  const source = range(x, [1, 1, size], size);
  const selection = (axis: number) => {
    const shift = reshape(slice(shifts, [{ axis: 1, start: axis, end: axis + 1 }]), [numImages, 1, 1]);
    const moved = abs(add(target, shift));
    const reflected = where(greater(moved, size - 1), sub(2 * (size - 1), moved), moved);
    return reshape(cast(equal(reflected, source), x.dtype), [numImages, 1, size, size]);
  };
  const columns = transpose(selection(1), [0, 1, 3, 2]);
  return matmul(matmul(selection(0), x), columns);
}

function range(like: Tensor, shape: readonly number[], count: number): Tensor {
  const values = Array.from({ length: count }, (_, index) => index);
  return like.graph.constant(tensorData("float32", shape, values));
}

/**
 * Shifts images [N, C, H, W] by a pixel along both axes. Images are reflected at their border.
 * @param by - 1: to the top left; -1: to the bottom right
 */
export function shiftedDiagonally(x: Tensor, by: 1 | -1): Tensor {
  return [2, 3].reduce((shifted, axis) => {
    const size = x.shape[axis]!;
    const part = (start: number, end: number) => slice(shifted, [{ axis, start, end }]);
    return concat(by === 1 ? [part(1, size), part(size - 2, size - 1)] : [part(1, 2), part(0, size - 1)], axis);
  }, x);
}

/**
 * Sets a random square of each image to `fill`. The square lies within the image, as in airbench96 of arXiv:2404.00498.
 * @param x - [N, C, H, W], H = W
 * @param side - of the square, pixels, at most H
 * @param fill - [1, C, 1, 1]
 * @param uniform - random numbers in [0, 1), [N, 2]: for the row and the column of the square's corner
 * @returns [N, C, H, W]
 * @see DeVries and Taylor 2017, arXiv:1708.04552
 */
export function cutout(x: Tensor, side: number, fill: Tensor, uniform: Tensor): Tensor {
  const [numImages, , size] = x.shape as [number, number, number];
  const corners = floor(mul(uniform, size - side + 1));
  const isWithin = (axis: number, shape: readonly number[]) => {
    const corner = reshape(slice(corners, [{ axis: 1, start: axis, end: axis + 1 }]), [numImages, 1, 1, 1]);
    const fromCenter = abs(sub(sub(range(x, shape, size), corner), (side - 1) / 2));
    return cast(less(fromCenter, side / 2), x.dtype);
  };
  const isCut = greater(mul(isWithin(0, [1, 1, size, 1]), isWithin(1, [1, 1, 1, size])), 0);
  return where(isCut, fill, x);
}

/** True with probability one half, for uniform numbers in [0, 1). */
export function coin(uniform: Tensor): Tensor {
  return less(uniform, 0.5);
}
