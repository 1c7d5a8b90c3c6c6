import type { Tensor } from "../graph.ts";
import { matmul } from "../ops/matmul.ts";
import { reshape, transpose } from "../ops/shape.ts";
import { type Shape, sizeOf, type TensorData } from "../tensor.ts";

/** Pixels of a tile along an axis, and places of a tile after the transform. */
const tile = 4;
const places = 6;

/** The matrices of F(4×4, 3×3): filters, images and results each go through one of them along both axes. */
const filterTransform = [
  [1 / 4, 0, 0],
  [-1 / 6, -1 / 6, -1 / 6],
  [-1 / 6, 1 / 6, -1 / 6],
  [1 / 24, 1 / 12, 1 / 6],
  [1 / 24, -1 / 12, 1 / 6],
  [0, 0, 1],
];
const imageTransform = [
  [4, 0, -5, 0, 1, 0],
  [0, -4, -4, 1, 1, 0],
  [0, 4, -4, -1, 1, 0],
  [0, -2, -1, 2, 1, 0],
  [0, 2, -1, -2, 1, 0],
  [0, 4, 0, -5, 0, 1],
];
const resultTransform = [
  [1, 1, 1, 1, 1, 0],
  [0, 1, -1, 2, -2, 0],
  [0, 1, 1, 4, 4, 0],
  [0, 1, -1, 8, -8, 1],
];

/** Longest side, in pixels, that a matrix for a whole side is worth its zeros. */
const longestSide = 16;

/** Whether images are of a size that `winogradConv` takes and gains at. */
export function fitsWinograd(height: number, width: number): boolean {
  return [height, width].every((side) => side % tile === 0 && side <= longestSide);
}

/**
 * A 3×3 convolution, stride 1, one pixel of zeros around, by tiles of 4×4 pixels that take 36 products for each pair of
 * channels instead of 144. All steps are matrix products; the largest, one for each place of a tile, is over channels.
 * @param x - images with the places first, [H, W, N, I]; sides as `fitsWinograd` wants them
 * @param filters - as `transformFilters` makes them, [6, 1, 6, I, O]
 * @returns [H, W, N, O]
 * @see Lavin and Gray 2015, arXiv:1509.09308
 */
export function winogradConv(x: Tensor, filters: Tensor): Tensor {
  const [height, width, numImages, numInputs] = x.shape as [number, number, number, number];
  const numOutputs = filters.shape[4]!;
  const [numRows, numColumns] = [height / tile, width / tile];
  const constant = (value: TensorData) => x.graph.constant(value);
  const rows = matmul(constant(intoTiles(height)), reshape(x, [height, width * numImages * numInputs]));
  const tiles = matmul(constant(intoTiles(width)), reshape(rows, [places * numRows, width, numImages * numInputs]));
  const products = multiplyPlaces(
    reshape(tiles, [places, numRows, places, numColumns * numImages, numInputs]),
    filters,
  );
  const columns = matmul(
    constant(outOfTiles(width)),
    reshape(products, [places * numRows, places * numColumns, numImages * numOutputs]),
  );
  const whole = matmul(
    constant(outOfTiles(height)),
    reshape(columns, [places * numRows, width * numImages * numOutputs]),
  );
  return reshape(whole, [height, width, numImages, numOutputs]);
}

/** Rows that make one product large enough to be done by itself. */
const fewestRows = 32;

/**
 * One matrix product over channels for each place of the tiles.
 * @param tiles - [6, rows of tiles, 6, tiles of a row · N, I]
 * @param filters - [6, 1, 6, I, O]
 * @returns [6, rows of tiles, 6, tiles of a row · N, O]
 */
function multiplyPlaces(tiles: Tensor, filters: Tensor): Tensor {
  const [, numRows, , numColumns, numInputs] = tiles.shape as [number, number, number, number, number];
  if (numColumns >= fewestRows) return matmul(tiles, filters);
  const order = [0, 2, 1, 3, 4];
  const together = reshape(transpose(tiles, order), [places, 1, places, numRows * numColumns, numInputs]);
  const products = matmul(together, filters);
  return transpose(reshape(products, [places, places, numRows, numColumns, filters.shape[4]!]), order);
}

/** From a side of pixels to the places of its tiles, [6 · side/4, side]: place first, tile second. */
function intoTiles(side: number): TensorData {
  const numTiles = side / tile;
  const matrix = tensorOf([places * numTiles, side]);
  imageTransform.forEach((row, place) => {
    row.forEach((factor, offset) => {
      for (let index = 0; index < numTiles; index++) {
        const pixel = tile * index - 1 + offset;
        if (pixel >= 0 && pixel < side) matrix.data[(place * numTiles + index) * side + pixel] = factor;
      }
    });
  });
  return matrix;
}

/** And back, [side, 6 · side/4]. */
function outOfTiles(side: number): TensorData {
  const numTiles = side / tile;
  const matrix = tensorOf([side, places * numTiles]);
  resultTransform.forEach((row, offset) => {
    row.forEach((factor, place) => {
      for (let index = 0; index < numTiles; index++) {
        matrix.data[((tile * index + offset) * places + place) * numTiles + index] = factor;
      }
    });
  });
  return matrix;
}

/** Filters [O, I, 3, 3] as `winogradConv` takes them, [6, 1, 6, I, O]. */
export function transformFilters({ shape, data }: TensorData): TensorData {
  const [numOutputs, numInputs] = shape as [number, number];
  const filters = data as Float32Array;
  const result = tensorOf([places, 1, places, numInputs, numOutputs]);
  // One matrix [36][9] for both axes.
  const both = filterTransform.flatMap((left) =>
    filterTransform.map((right) => left.flatMap((a) => right.map((b) => a * b))),
  );
  for (let output = 0; output < numOutputs; output++) {
    for (let input = 0; input < numInputs; input++) {
      const start = (output * numInputs + input) * 9;
      both.forEach((factors, place) => {
        let total = 0;
        for (let index = 0; index < 9; index++) total += factors[index]! * filters[start + index]!;
        result.data[(place * numInputs + input) * numOutputs + output] = total;
      });
    }
  }
  return result;
}

function tensorOf(shape: Shape): TensorData & { readonly data: Float32Array } {
  return { dtype: "float32", shape, data: new Float32Array(sizeOf(shape)) };
}
