import { customVjp } from "../composites/custom-vjp.ts";
import type { Tensor } from "../graph/graph.ts";
import { type Shape, sizeOf, type TensorData, tensorData } from "../graph/tensor.ts";
import { matmul, swapLastTwo } from "../ops/matmul.ts";
import { reshape } from "../ops/reshape.ts";

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
  const numTiles = x.shape[1]! / tile;
  // Small blocks make small matrices, but small products too.
  const inBlock = numTiles > 4 && numTiles % 2 === 0 ? numTiles / 2 : numTiles;
  return toPixels(matmul(toTiles(x, intoTiles, inBlock), filters), outOfTiles, inBlock, x.shape);
}

/**
 * The same with filters as they are, [O, I, 3, 3]. Its gradients take as few products, and need no more than `x` and the
 * filters kept, where tiles would take 2.25 and transformed filters four times the memory.
 */
export function trainableWinogradConv(x: Tensor, filters: Tensor): Tensor {
  return customVjp(
    winogradConv(x, swapLastTwo(transformFilters(filters))),
    [x, filters],
    (gradient, _result, [x, filters]) => {
      const [numRows, numTiles] = [x.shape[0]! / tile, x.shape[1]! / tile];
      // All of a row in one block: what several would give is still to be summed.
      const tiles = toTiles(gradient, (...block) => transposed(outOfTiles(...block)), numTiles);
      const products = matmul(tiles, transformFilters(filters));
      const ofRows = matmul(swapLastTwo(tiles), toTiles(x, intoTiles, numTiles));
      // The sum over rows as a product: onnxruntime sums over a first axis many times as slowly.
      const ones = tensorData("float32", [1, numRows], new Array<number>(numRows).fill(1));
      const together = matmul(x.graph.constant(ones), reshape(ofRows, [numRows, -1]));
      const byPlace = reshape(together, [places ** 2, -1]);
      return [
        toPixels(products, (...block) => transposed(intoTiles(...block)), numTiles, x.shape),
        reshape(matmul(swapLastTwo(byPlace), x.graph.constant(bothAxes())), filters.shape),
      ];
    },
  );
}

/** A linear map of a side in blocks, the same for each: without the zeros that one matrix for the side would have. */
interface SideMap {
  /** [results, values] of a block. */
  readonly matrix: TensorData;
  readonly numBlocks: number;
}

/** The map of a side of so many pixels whose tiles stand in blocks of so many. */
type SideMapOf = (side: number, inBlock: number) => SideMap;

/** Images [H, W, N, C] as places of tiles, [rows of tiles, 6, blocks of a row, 6, tiles of a block · N, C]. */
function toTiles(x: Tensor, mapOf: SideMapOf, inBlock: number): Tensor {
  const [height, width, numImages, channels] = x.shape as [number, number, number, number];
  const numBlocks = width / tile / inBlock;
  const columns = mapped(x, mapOf(width, inBlock), height);
  const shape = [height / tile, places, numBlocks, places, inBlock * numImages, channels];
  return reshape(mapped(columns, mapOf(height, 1), 1), shape);
}

/** And back, to images of a given shape but for their channels. */
function toPixels(tiles: Tensor, mapOf: SideMapOf, inBlock: number, shape: Shape): Tensor {
  const [height, width, numImages] = shape as [number, number, number];
  const rows = mapped(tiles, mapOf(height, 1), 1);
  return reshape(mapped(rows, mapOf(width, inBlock), height), [height, width, numImages, tiles.shape.at(-1)!]);
}

/** The side behind so many rows of `x` through its map. */
function mapped(x: Tensor, { matrix, numBlocks }: SideMap, numRows: number): Tensor {
  const numMatrices = numRows * numBlocks;
  const shape = numMatrices === 1 ? [matrix.shape[1]!, -1] : [numMatrices, matrix.shape[1]!, -1];
  return matmul(x.graph.constant(matrix), reshape(x, shape));
}

/** From a side of pixels to the places of its tiles: block first, place second, tile of the block last. */
function intoTiles(side: number, inBlock: number): SideMap {
  const numTiles = side / tile;
  const matrix = tensorOf([places * numTiles, side]);
  imageTransform.forEach((row, place) => {
    row.forEach((factor, offset) => {
      for (let index = 0; index < numTiles; index++) {
        const pixel = tile * index - 1 + offset;
        const block = Math.floor(index / inBlock);
        const target = (block * places + place) * inBlock + (index % inBlock);
        if (pixel >= 0 && pixel < side) matrix.data[target * side + pixel] = factor;
      }
    });
  });
  // Tiles overlap, and so would blocks.
  return { matrix, numBlocks: 1 };
}

/** And back. */
function outOfTiles(side: number, inBlock: number): SideMap {
  const matrix = tensorOf([tile * inBlock, places * inBlock]);
  resultTransform.forEach((row, offset) => {
    row.forEach((factor, place) => {
      for (let index = 0; index < inBlock; index++) {
        matrix.data[((tile * index + offset) * places + place) * inBlock + index] = factor;
      }
    });
  });
  return { matrix, numBlocks: side / tile / inBlock };
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

/** The transpose of a map. */
function transposed({ matrix: { shape, data }, numBlocks }: SideMap): SideMap {
  const [numRows, numColumns] = shape as [number, number];
  const result = tensorOf([numColumns, numRows]);
  for (let row = 0; row < numRows; row++) {
    for (let column = 0; column < numColumns; column++) {
      result.data[column * numRows + row] = data[row * numColumns + column] as number;
    }
  }
  return { matrix: result, numBlocks };
}

function tensorOf(shape: Shape): TensorData & { readonly data: Float32Array } {
  return { dtype: "float32", shape, data: new Float32Array(sizeOf(shape)) };
}
