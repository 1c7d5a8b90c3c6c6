import { customVjp } from "../composites/custom-vjp.ts";
import type { Tensor } from "../graph/graph.ts";
import { type Shape, sizeOf, type TensorData, tensorData } from "../graph/tensor.ts";
import { matmul, swapLastTwo } from "../ops/matmul.ts";
import { reshape } from "../ops/reshape.ts";

/** Side of the result of a tile, in pixels. */
const tile = 4;
/** Side of a tile after the transform, which is also the side of the pixels that it depends on. */
const transformedTile = 6;

/** The matrices of F(4×4, 3×3). Filters, images and results are each multiplied by one of them along both axes. */
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

/** Whether images consist of whole tiles and have sides of at most `longestSide` pixels. */
export function fitsWinograd(height: number, width: number, longestSide: number): boolean {
  return [height, width].every((side) => side % tile === 0 && side <= longestSide);
}

/**
 * A 3×3 convolution with stride 1 and one pixel of zeros around. For each tile of 4×4 pixels and each pair of channels it
 * takes 36 products instead of 144. All steps are matrix products. The largest one is over channels, separately for each
 * element of a transformed tile.
 * @param x - images in the HWNC layout, [H, W, N, I]; their sides must satisfy `fitsWinograd`
 * @param filters - the result of `transformConstantFilters`, [6, 1, 6, I, O]
 * @returns [H, W, N, O]
 * @see Lavin and Gray 2015, arXiv:1509.09308
 */
export function winogradConv(x: Tensor, filters: Tensor): Tensor {
  const numTiles = x.shape[1]! / tile;
  // Smaller blocks have smaller matrices, but also smaller products.
  const inBlock = numTiles > 4 && numTiles % 2 === 0 ? numTiles / 2 : numTiles;
  return toPixels(matmul(toTiles(x, intoTiles, inBlock), filters), outOfTiles, inBlock, x.shape);
}

/**
 * `winogradConv` with untransformed filters, [O, I, 3, 3]. Its gradients take as few products. They keep only `x` and the
 * filters in memory: transformed images would take 2.25 times, and transformed filters four times as much.
 */
export function trainableWinogradConv(x: Tensor, filters: Tensor): Tensor {
  return customVjp(
    winogradConv(x, swapLastTwo(transformFilters(filters))),
    [x, filters],
    (gradient, _result, [x, filters]) => {
      const [numRows, numTiles] = [x.shape[0]! / tile, x.shape[1]! / tile];
      // One block per row, because the results of several blocks would have to be summed.
      const tiles = toTiles(gradient, (...block) => transposed(outOfTiles(...block)), numTiles);
      const products = matmul(tiles, transformFilters(filters));
      const ofRows = matmul(swapLastTwo(tiles), toTiles(x, intoTiles, numTiles));
      // The sum over rows is a product, because onnxruntime is many times slower at sums over the first axis.
      const ones = tensorData("float32", [1, numRows], new Array<number>(numRows).fill(1));
      const together = matmul(x.graph.constant(ones), reshape(ofRows, [numRows, -1]));
      const byElement = reshape(together, [transformedTile ** 2, -1]);
      return [
        toPixels(products, (...block) => transposed(intoTiles(...block)), numTiles, x.shape),
        reshape(matmul(swapLastTwo(byElement), x.graph.constant(bothAxes())), filters.shape),
      ];
    },
  );
}

/** A linear map along a side. It applies one matrix to each block; one matrix for the whole side would have many zeros. */
interface SideMap {
  /** The matrix of a block, [results, values]. */
  readonly matrix: TensorData;
  readonly numBlocks: number;
}

/** Makes the map for a side of `side` pixels, with `inBlock` tiles per block. */
type SideMapOf = (side: number, inBlock: number) => SideMap;

/** Transforms images [H, W, N, C] into tiles, [rows of tiles, 6, blocks of a row, 6, tiles of a block · N, C]. */
function toTiles(x: Tensor, mapOf: SideMapOf, inBlock: number): Tensor {
  const [height, width, numImages, channels] = x.shape as [number, number, number, number];
  const numBlocks = width / tile / inBlock;
  const columns = mapped(x, mapOf(width, inBlock), height);
  const shape = [height / tile, transformedTile, numBlocks, transformedTile, inBlock * numImages, channels];
  return reshape(mapped(columns, mapOf(height, 1), 1), shape);
}

/** Transforms tiles back to images [H, W, N, C]. `shape` gives H, W and N. */
function toPixels(tiles: Tensor, mapOf: SideMapOf, inBlock: number, shape: Shape): Tensor {
  const [height, width, numImages] = shape as [number, number, number];
  const rows = mapped(tiles, mapOf(height, 1), 1);
  return reshape(mapped(rows, mapOf(width, inBlock), height), [height, width, numImages, tiles.shape.at(-1)!]);
}

/** Applies a map to the axis of `x` that follows `numRows` rows. */
function mapped(x: Tensor, { matrix, numBlocks }: SideMap, numRows: number): Tensor {
  const numMatrices = numRows * numBlocks;
  const shape = numMatrices === 1 ? [matrix.shape[1]!, -1] : [numMatrices, matrix.shape[1]!, -1];
  return matmul(x.graph.constant(matrix), reshape(x, shape));
}

/** The map from the pixels of a side to its transformed tiles, ordered by block, element, tile within the block. */
function intoTiles(side: number, inBlock: number): SideMap {
  const numTiles = side / tile;
  const matrix = tensorOf([transformedTile * numTiles, side]);
  imageTransform.forEach((row, element) => {
    row.forEach((factor, offset) => {
      for (let index = 0; index < numTiles; index++) {
        const pixel = tile * index - 1 + offset;
        const block = Math.floor(index / inBlock);
        const target = (block * transformedTile + element) * inBlock + (index % inBlock);
        if (pixel >= 0 && pixel < side) matrix.data[target * side + pixel] = factor;
      }
    });
  });
  // Tiles overlap, so blocks would overlap too.
  return { matrix, numBlocks: 1 };
}

/** The map from transformed tiles to the pixels of a side. */
function outOfTiles(side: number, inBlock: number): SideMap {
  const matrix = tensorOf([tile * inBlock, transformedTile * inBlock]);
  resultTransform.forEach((row, offset) => {
    row.forEach((factor, element) => {
      for (let index = 0; index < inBlock; index++) {
        matrix.data[((tile * index + offset) * transformedTile + element) * inBlock + index] = factor;
      }
    });
  });
  return { matrix, numBlocks: side / tile / inBlock };
}

/** Transforms filters [O, I, 3, 3] to the elements of a tile, [6, 1, 6, O, I]. */
function transformFilters(filters: Tensor): Tensor {
  const [numOutputs, numInputs] = filters.shape as [number, number];
  const offsets = reshape(filters, [numOutputs * numInputs, 9]);
  const byElement = matmul(filters.graph.constant(bothAxes()), swapLastTwo(offsets));
  return reshape(byElement, [transformedTile, 1, transformedTile, numOutputs, numInputs]);
}

/** Transforms constant filters [O, I, 3, 3] for `winogradConv`, [6, 1, 6, I, O]. */
export function transformConstantFilters({ shape, data }: TensorData): TensorData {
  const [numOutputs, numInputs] = shape as [number, number];
  const filters = data as Float32Array;
  const factors = bothAxes().data;
  const result = tensorOf([transformedTile, 1, transformedTile, numInputs, numOutputs]);
  for (let output = 0; output < numOutputs; output++) {
    for (let input = 0; input < numInputs; input++) {
      const start = (output * numInputs + input) * 9;
      for (let element = 0; element < transformedTile ** 2; element++) {
        let total = 0;
        for (let index = 0; index < 9; index++) total += factors[element * 9 + index]! * filters[start + index]!;
        result.data[(element * numInputs + input) * numOutputs + output] = total;
      }
    }
  }
  return result;
}

/** The matrix of the filter transform along both axes, [36, 9]. */
function bothAxes(): TensorData & { readonly data: Float32Array } {
  const matrix = tensorOf([transformedTile ** 2, 9]);
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
