import { imageBytes, mirrorHwc } from "../../core/image-layout.ts";
import { compileMatmul } from "./compile-matmul.ts";

/** A train image near a synthetic one. */
export interface Neighbor {
  /** Index of the train image. */
  readonly index: number;
  /** Whether the mirrored train image is the nearer one. */
  readonly isMirrored: boolean;
  /** Root of the summed squared differences of all 3,072 values, each from 0 to 255. */
  readonly distance: number;
}

/** Number of synthetic images whose distances are computed at once, at most. */
const maxBlockRows = 256;
/** Number of train images whose distances are computed at once, at most. */
const maxBlockColumns = 2500;

/**
 * Finds the nearest train images of each image, by pixels, nearest first. Each train image counts once, plain or
 * mirrored. Products in float32 select twice as many candidates as requested; integer arithmetic orders them.
 * @param options.images - uint8 [n, 32, 32, 3] flattened
 * @param options.train - uint8 [N, 32, 32, 3] flattened
 * @param options.numNeighbors - fewer if N is less
 */
export async function findNeighbors(options: {
  readonly images: Uint8Array;
  readonly train: Uint8Array;
  readonly numNeighbors: number;
  readonly signal: AbortSignal;
  /** Receives the number of train images that were just processed. */
  readonly count: (trainImages: number) => void;
}): Promise<Neighbor[][]> {
  const { images, train, numNeighbors, signal, count } = options;
  const [numImages, numTrain] = [images.length / imageBytes, train.length / imageBytes];
  const [blockRows, blockColumns] = [Math.min(maxBlockRows, numImages), Math.min(maxBlockColumns, numTrain)];
  // Mirroring an image is equivalent to mirroring every train image, and cheaper.
  const views = [images, mirrorHwc(images.slice())] as const;
  const candidates = Array.from({ length: numImages }, () => new Nearest(2 * numNeighbors));
  const product = await compileMatmul("float32", { rows: blockRows, columns: blockColumns, inner: imageBytes });
  try {
    for (let first = 0; first < numTrain; first += blockColumns) {
      const last = Math.min(first + blockColumns, numTrain);
      const columns = center(train.subarray(first * imageBytes, last * imageBytes), blockColumns);
      const norms = squaredNorms(columns);
      for (let start = 0; start < numImages; start += blockRows) {
        signal.throwIfAborted();
        const end = Math.min(start + blockRows, numImages);
        const [plain, mirrored] = [
          await product.run(center(views[0].subarray(start * imageBytes, end * imageBytes), blockRows), columns),
          await product.run(center(views[1].subarray(start * imageBytes, end * imageBytes), blockRows), columns),
        ];
        for (let row = start; row < end; row++) {
          for (let index = first; index < last; index++) {
            const cell = (row - start) * blockColumns + index - first;
            // The image's own norm is the same for all train images, so it is left out.
            candidates[row]!.offer(index, norms[index - first]! - 2 * Math.max(plain[cell]!, mirrored[cell]!));
          }
        }
      }
      count(last - first);
    }
  } finally {
    await product.close();
  }
  return candidates.map(({ indices }, row) => {
    const neighbors = indices.map((index) => exactNeighbor(views, row, train, index));
    return neighbors.sort((a, b) => a.distance - b.distance || a.index - b.index).slice(0, numNeighbors);
  });
}

/** Bytes as numbers around 0, for which float32 products stay exact longer; padded with zeros. */
function center(bytes: Uint8Array, numRows: number): Float32Array {
  const numbers = new Float32Array(numRows * imageBytes);
  for (let index = 0; index < bytes.length; index++) numbers[index] = bytes[index]! - 128;
  return numbers;
}

function squaredNorms(rows: Float32Array): Float64Array {
  const norms = new Float64Array(rows.length / imageBytes);
  for (let index = 0; index < rows.length; index++) norms[Math.floor(index / imageBytes)]! += rows[index]! ** 2;
  return norms;
}

function exactNeighbor(views: readonly [Uint8Array, Uint8Array], row: number, train: Uint8Array, index: number) {
  const [plain, mirrored] = views.map((bytes) => {
    let squared = 0;
    for (let byte = 0; byte < imageBytes; byte++) {
      squared += (bytes[row * imageBytes + byte]! - train[index * imageBytes + byte]!) ** 2;
    }
    return Math.sqrt(squared);
  }) as [number, number];
  return { index, isMirrored: mirrored < plain, distance: Math.min(plain, mirrored) };
}

/** Collects the indices of the smallest values offered. */
class Nearest {
  readonly #indices: number[] = [];
  readonly #values: number[] = [];
  readonly #size: number;

  constructor(size: number) {
    this.#size = size;
  }

  get indices(): readonly number[] {
    return this.#indices;
  }

  offer(index: number, value: number): void {
    const isFull = this.#values.length === this.#size;
    if (isFull && value >= this.#values.at(-1)!) return;
    let position = this.#values.length;
    while (position > 0 && this.#values[position - 1]! > value) position--;
    this.#values.splice(position, 0, value);
    this.#indices.splice(position, 0, index);
    if (!isFull) return;
    this.#values.pop();
    this.#indices.pop();
  }
}
