import { withGradient } from "../composites/custom-gradient.ts";
import type { Tensor } from "../graph.ts";
import { matmul, swapLastTwo } from "../ops/matmul.ts";
import { sum } from "../ops/reduce.ts";
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

/** Whether images consist of whole tiles, at most `longestSide` pixels a side. */
export function fitsWinograd(height: number, width: number, longestSide: number): boolean {
  return [height, width].every((side) => side % tile === 0 && side <= longestSide);
}

/**
 * A 3×3 convolution, stride 1, one pixel of zeros around, by tiles of 4×4 pixels that take 36 products for each pair of
 * channels instead of 144. All steps are matrix products; the largest, one for each place of a tile, is over channels.
 * @param x - images with the places first, [H, W, N, I]; sides as `fitsWinograd` wants them
 * @param filters - as `transformConstantFilters` makes them, [6, 1, 6, I, O]
 * @returns [H, W, N, O]
 * @see Lavin and Gray 2015, arXiv:1509.09308
 */
export function winogradConv(x: Tensor, filters: Tensor): Tensor {
  return toPixels(multiplyPlaces(toTiles(x, intoTiles), filters), outOfTiles, x.shape);
}

/**
 * The same with filters as they are, [O, I, 3, 3]. Its gradients take as few products, and need no more than `x` and the
 * filters kept, where tiles would take 2.25 and transformed filters four times the memory.
 */
export function trainableWinogradConv(x: Tensor, filters: Tensor): Tensor {
  return withGradient(
    winogradConv(x, swapLastTwo(transformFilters(filters))),
    [x, filters],
    (gradient, _result, [x, filters]) => {
      const tiles = toTiles(gradient, (side) => transposed(outOfTiles(side)));
      const products = multiplyPlaces(tiles, transformFilters(filters));
      const together = sum(matmul(swapLastTwo(tiles), toTiles(x, intoTiles)), { axes: [1] });
      const byPlace = reshape(together, [places ** 2, -1]);
      return [
        toPixels(products, (side) => transposed(intoTiles(side)), x.shape),
        reshape(matmul(swapLastTwo(byPlace), x.graph.constant(bothAxes())), filters.shape),
      ];
    },
  );
}

/** Images [H, W, N, C] as places of tiles, [6, rows of tiles, 6, tiles of a row · N, C]. */
function toTiles(x: Tensor, matrixOf: (side: number) => TensorData): Tensor {
  const [height, width, numImages, channels] = x.shape as [number, number, number, number];
  const [numRows, numColumns] = [height / tile, width / tile];
  const rows = matmul(x.graph.constant(matrixOf(height)), reshape(x, [height, width * numImages * channels]));
  const both = matmul(
    x.graph.constant(matrixOf(width)),
    reshape(rows, [places * numRows, width, numImages * channels]),
  );
  return reshape(both, [places, numRows, places, numColumns * numImages, channels]);
}

/** And back, to images of a given shape but for their channels. */
function toPixels(tiles: Tensor, matrixOf: (side: number) => TensorData, shape: Shape): Tensor {
  const [height, width, numImages] = shape as [number, number, number];
  const channels = tiles.shape.at(-1)!;
  const [numRows, numColumns] = [height / tile, width / tile];
  const columns = matmul(
    tiles.graph.constant(matrixOf(width)),
    reshape(tiles, [places * numRows, places * numColumns, numImages * channels]),
  );
  const both = matmul(
    tiles.graph.constant(matrixOf(height)),
    reshape(columns, [places * numRows, width * numImages * channels]),
  );
  return reshape(both, [height, width, numImages, channels]);
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

/** Filters [O, I, 3, 3] at the places of a tile, [6, 1, 6, O, I]. */
function transformFilters(filters: Tensor): Tensor {
  const [numOutputs, numInputs] = filters.shape as [number, number];
  const offsets = reshape(filters, [numOutputs * numInputs, 9]);
  const byPlace = matmul(filters.graph.constant(bothAxes()), swapLastTwo(offsets));
  return reshape(byPlace, [places, 1, places, numOutputs, numInputs]);
}

/** Constant filters [O, I, 3, 3] as `winogradConv` takes them, [6, 1, 6, I, O]. */
export function transformConstantFilters({ shape, data }: TensorData): TensorData {
  const [numOutputs, numInputs] = shape as [number, number];
  const filters = data as Float32Array;
  const factors = bothAxes().data;
  const result = tensorOf([places, 1, places, numInputs, numOutputs]);
  for (let output = 0; output < numOutputs; output++) {
    for (let input = 0; input < numInputs; input++) {
      const start = (output * numInputs + input) * 9;
      for (let place = 0; place < places ** 2; place++) {
        let total = 0;
        for (let index = 0; index < 9; index++) total += factors[place * 9 + index]! * filters[start + index]!;
        result.data[(place * numInputs + input) * numOutputs + output] = total;
      }
    }
  }
  return result;
}

/** The matrix that filters go through, for both axes at once, [36, 9]. */
function bothAxes(): TensorData & { readonly data: Float32Array } {
  const matrix = tensorOf([places ** 2, 9]);
  matrix.data.set(
    filterTransform.flatMap((left) => filterTransform.flatMap((right) => left.flatMap((a) => right.map((b) => a * b)))),
  );
  return matrix;
}

/** The transpose of a matrix. */
function transposed({ shape, data }: TensorData): TensorData {
  const [numRows, numColumns] = shape as [number, number];
  const result = tensorOf([numColumns, numRows]);
  for (let row = 0; row < numRows; row++) {
    for (let column = 0; column < numColumns; column++) {
      result.data[column * numRows + row] = data[row * numColumns + column] as number;
    }
  }
  return result;
}

function tensorOf(shape: Shape): TensorData & { readonly data: Float32Array } {
  return { dtype: "float32", shape, data: new Float32Array(sizeOf(shape)) };
}
