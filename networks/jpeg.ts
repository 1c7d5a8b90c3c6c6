import type { Tensor } from "../engine/graph/graph.ts";
import { tensorData } from "../engine/graph/tensor.ts";
import { concat } from "../engine/ops/concat.ts";
import { conv2d } from "../engine/ops/conv.ts";
import { add, div, floor, less, maximum, minimum, mul, round, sub, where } from "../engine/ops/elementwise.ts";
import { matmul } from "../engine/ops/matmul.ts";
import { averagePool } from "../engine/ops/pool.ts";
import { reshape } from "../engine/ops/reshape.ts";
import { slice } from "../engine/ops/slice.ts";

/** Quantization tables of quality 50 (ITU-T T.81, annex K.1), 8 × 8. */
const luminanceTable = [
  16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55, 14, 13, 16, 24, 40, 57, 69, 56, 14, 17, 22, 29, 51,
  87, 80, 62, 18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92, 49, 64, 78, 87, 103, 121, 120, 101,
  72, 92, 95, 98, 112, 100, 103, 99,
];
const chrominanceTable = [
  17, 18, 24, 47, 99, 99, 99, 99, 18, 21, 26, 66, 99, 99, 99, 99, 24, 26, 56, 99, 99, 99, 99, 99, 47, 66, 99, 99, 99,
  99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99,
  99, 99, 99, 99, 99, 99,
];

/** Matrices from red, green and blue to luminance and two chrominances, and back (ITU-T T.871). */
const toYcc = [0.299, 0.587, 0.114, -0.168736, -0.331264, 0.5, 0.5, -0.418688, -0.081312];
const fromYcc = [1, 0, 1.402, 1, -0.344136, -0.714136, 1, 1.772, 0];

/**
 * What images look like after they were saved as JPEG with halved chrominance (4:2:0) and read again. It consists of
 * graph operations.
 * @param x - pixels in [-1, 1], [N, 3, H, W]; both sides are multiples of 16
 * @param quality - JPEG quality of each image, 1 to 100, float [N]
 */
export function jpegArtifacts(x: Tensor, quality: Tensor): Tensor {
  // The scale of the tables in percent, as in libjpeg.
  const scale = reshape(
    where(less(quality, 50), div(5000, maximum(quality, 1)), sub(200, mul(quality, 2))),
    [-1, 1, 1, 1],
  );
  const colors = mixChannels(mul(add(x, 1), 127.5), toYcc);
  const luminance = sub(slice(colors, [{ axis: 1, start: 0, end: 1 }]), 128);
  const chrominance = averagePool(slice(colors, [{ axis: 1, start: 1, end: 3 }]), 2);
  const decoded = concat(
    [
      add(quantizedAndDecoded(luminance, luminanceTable, scale), 128),
      upsampled(quantizedAndDecoded(chrominance, chrominanceTable, scale)),
    ],
    1,
  );
  const bytes = minimum(maximum(round(mixChannels(decoded, fromYcc)), 0), 255);
  return sub(mul(bytes, 1 / 127.5), 1);
}

/** Applies a matrix [3, 3] to the channels of each pixel. */
function mixChannels(x: Tensor, matrix: readonly number[]): Tensor {
  return conv2d(x, x.graph.constant(tensorData("float32", [3, 3, 1, 1], matrix)));
}

/** A constant matrix in the graph of `x`. */
function matrix(
  { graph }: Tensor,
  rows: number,
  columns: number,
  valueAt: (row: number, column: number) => number,
): Tensor {
  const values = Array.from({ length: rows * columns }, (_, index) =>
    valueAt(Math.floor(index / columns), index % columns),
  );
  return graph.constant(tensorData("float32", [rows, columns], values));
}

/** Doubles height and width. Each pixel takes a quarter of its value from the nearer neighbor: libjpeg's fancy upsampling. */
function upsampled(x: Tensor): Tensor {
  const [height, width] = x.shape.slice(2) as [number, number];
  const share = (side: number) => (pixel: number, source: number) => {
    const neighbor = Math.min(side - 1, Math.max(0, Math.floor(pixel / 2) + (pixel % 2 === 0 ? -1 : 1)));
    return (source === Math.floor(pixel / 2) ? 0.75 : 0) + (source === neighbor ? 0.25 : 0);
  };
  const columns = matmul(matrix(x, 2 * height, height, share(height)), x);
  return matmul(
    columns,
    matrix(x, width, 2 * width, (source, pixel) => share(width)(pixel, source)),
  );
}

/** Quantizes the cosine transform of each block of 8 × 8 pixels by a table, and transforms it back. */
function quantizedAndDecoded(x: Tensor, table: readonly number[], scale: Tensor): Tensor {
  const [height, width] = x.shape.slice(2) as [number, number];
  const constant = (rows: number, columns: number, valueAt: (row: number, column: number) => number) =>
    matrix(x, rows, columns, valueAt);
  const transform = (side: number) => constant(side, side, cosineAt);
  const inverse = (side: number) => constant(side, side, (row, column) => cosineAt(column, row));
  const base = constant(height, width, (row, column) => table[(row % 8) * 8 + (column % 8)]!);
  const stepSizes = minimum(maximum(floor(mul(add(mul(base, scale), 50), 0.01)), 1), 255);
  const coefficients = matmul(matmul(transform(height), x), inverse(width));
  return matmul(matmul(inverse(height), mul(round(div(coefficients, stepSizes)), stepSizes)), transform(width));
}

/** An entry of the matrix that applies the cosine transform to each 8 consecutive values. */
function cosineAt(row: number, column: number): number {
  if (Math.floor(row / 8) !== Math.floor(column / 8)) return 0;
  const [wave, pixel] = [row % 8, column % 8];
  return (wave === 0 ? Math.SQRT1_2 : 1) * 0.5 * Math.cos(((2 * pixel + 1) * wave * Math.PI) / 16);
}
