import type { Tensor } from "../graph/graph.ts";
import { concat } from "./concat.ts";
import { matmul, swapLastTwo } from "./matmul.ts";
import { reshape, transpose } from "./reshape.ts";
import { pad, slice } from "./slice.ts";

interface Geometry {
  readonly kernel: readonly [height: number, width: number];
  readonly stride: number;
  /** Pixels of zeros around the images. */
  readonly padding: number;
}

/**
 * Gradient of a convolution with respect to its filters, as matrix products that sum over images and pixels.
 * @param x - the images of the convolution, [N, I, H, W]
 * @param gradient - gradient of the result, [N, O, H', W']
 * @returns [O, I, height, width]
 */
export function filterGradient(x: Tensor, gradient: Tensor, geometry: Geometry): Tensor {
  const { kernel, stride, padding } = geometry;
  const images = transpose(x, [1, 0, 2, 3]);
  const outputGradient = transpose(gradient, [1, 0, 2, 3]);
  const byColumn = stride === 1 && padding < kernel[0];
  const products = (byColumn ? productsByColumn : productsByPixel)(images, outputGradient, geometry);
  const filtersLast = reshape(products, [kernel[0] * kernel[1], -1]);
  return reshape(transpose(filtersLast, [1, 0]), [outputGradient.shape[0]!, images.shape[0]!, ...kernel]);
}

/**
 * At stride 1, shifting the images down is the same as shifting the gradient up. So this shifts the images along columns
 * only and the gradient along rows. Then one product covers all rows: products are larger and fewer bytes are copied.
 * @returns [height, width, O·I]
 */
function productsByColumn(
  images: Tensor,
  outputGradient: Tensor,
  { kernel: [height, width], padding }: Geometry,
): Tensor {
  const rowStarts = Array.from({ length: height }, (_, row) => height - 1 - row);
  const rows = concat(
    windows(outputGradient, 2, { padding: height - 1 - padding, starts: rowStarts, count: images.shape[2]! }),
    0,
  );
  const starts = Array.from({ length: width }, (_, column) => column);
  const columns = windows(images, 3, { padding, starts, count: outputGradient.shape[3]! });
  return concat(
    columns.map((column) => reshape(product(rows, column), [height, 1, -1])),
    1,
  );
}

/**
 * Computes one product for each pixel of the kernel.
 * @returns [height, width, O·I]
 */
function productsByPixel(
  images: Tensor,
  outputGradient: Tensor,
  { kernel: [height, width], stride, padding }: Geometry,
): Tensor {
  const [rowStarts, starts] = [height, width].map((length) => Array.from({ length }, (_, offset) => offset));
  const padded = pad(images, [{ axis: 2, before: padding, after: padding }]);
  const columns = windows(padded, 3, { padding, starts: starts!, count: outputGradient.shape[3]!, stride });
  const products = rowStarts!.map((row) =>
    concat(
      columns.map((column) => {
        const window = windows(column, 2, { padding: 0, starts: [row], count: outputGradient.shape[2]!, stride })[0]!;
        return reshape(product(outputGradient, window), [1, 1, -1]);
      }),
      1,
    ),
  );
  return concat(products, 0);
}

/** Windows of padded images along an axis: `count` positions from each start, `stride` pixels apart. */
function windows(
  x: Tensor,
  axis: number,
  options: {
    readonly padding: number;
    readonly starts: readonly number[];
    readonly count: number;
    readonly stride?: number;
  },
): Tensor[] {
  const { padding, starts, count, stride = 1 } = options;
  const padded = pad(x, [{ axis, before: padding, after: padding }]);
  return starts.map((start) =>
    stride === 1 && start === padding && count === x.shape[axis]
      ? x
      : slice(padded, [{ axis, start, end: start + (count - 1) * stride + 1, step: stride }]),
  );
}

/** The product of [A, ...] and [B, ...], summed over all other axes: [A, B]. */
function product(a: Tensor, b: Tensor): Tensor {
  return matmul(reshape(a, [a.shape[0]!, -1]), swapLastTwo(reshape(b, [b.shape[0]!, -1])));
}
