import { closeAll } from "../../core/close-all.ts";
import { createPermutation, permute } from "../../core/permutation.ts";
import { compileMatmul } from "../score/compile-matmul.ts";
import { BestCandidates } from "./best-candidates.ts";
import { codeLength, numEvenOfCode } from "./shape-code.ts";

/** Two rows whose codes resemble each other. */
export interface SimilarPair {
  /** The larger row. */
  readonly row: number;
  readonly other: number;
  /** Whether one resembles the mirror image of the other. */
  readonly isMirrored: boolean;
}

/** Rows of a cell, on average. */
const rowsPerCell = 2000;
/** Cells that a row is looked for in. A row is compared with all rows that have its nearest cell among theirs. */
const cellsPerRow = 3;
/** Candidates of a row. */
const numCandidates = 4;
/** Codes that differ more than this are not candidates: of shifted copies, 1 in 1,000 differs more. */
const mostDifference = 0.22;
/** Rows and columns of one product. */
const [tileRows, tileColumns] = [128, 1024];

/** Rows that are compared with each other. */
export interface Cell {
  /** Rows that are nearest to this cell. */
  readonly own: Uint32Array;
  /** Rows that have this cell among their nearest ones. */
  readonly near: Uint32Array;
}

/** Number of cells of so many rows. */
export function countCells(numRows: number): number {
  const numCells = Math.ceil(numRows / rowsPerCell);
  return numCells <= cellsPerRow ? Math.min(1, numCells) : numCells;
}

/**
 * Finds pairs of rows with similar codes, plain or mirrored: of each row of the cells, among the rows near its cell.
 * @param options.codes - of all rows, [n, 64] flattened
 * @param options.cells - some of those that `assignCells` returns
 * @param options.count - receives the number of rows that were just done
 * @returns by rising row
 */
export async function findSimilarCodes(options: {
  readonly codes: Int8Array;
  readonly cells: readonly Cell[];
  readonly signal: AbortSignal;
  readonly count: (rows: number) => void;
}): Promise<SimilarPair[]> {
  const { codes, cells, signal, count } = options;
  const numRows = codes.length / codeLength;
  const numOdd = codeLength - numEvenOfCode;
  const even = await compileMatmul("float32", { rows: tileRows, columns: tileColumns, inner: numEvenOfCode });
  const odd = await compileMatmul("float32", { rows: tileRows, columns: tileColumns, inner: numOdd });
  const pairs = new Map<number, SimilarPair>();
  const candidates = new BestCandidates(numCandidates);
  const largest = cells.reduce((most, { near }) => Math.max(most, near.length), 0);
  // Of each row of a tile: scores of all rows of the cell, and whether the mirror image is meant.
  const scores = new Float32Array(tileRows * largest);
  const isMirrored = new Uint8Array(tileRows * largest);
  const least = (1 - mostDifference) * 127 ** 2;
  const evenPart = (rows: Uint32Array, size: number) => gather(codes, rows, size, 0, numEvenOfCode);
  const oddPart = (rows: Uint32Array, size: number) => gather(codes, rows, size, numEvenOfCode, codeLength);
  try {
    for (const { own, near } of cells) {
      for (let start = 0; start < own.length; start += tileRows) {
        signal.throwIfAborted();
        const rows = own.subarray(start, start + tileRows);
        const [rowsEven, rowsOdd] = [evenPart(rows, tileRows), oddPart(rows, tileRows)];
        for (let first = 0; first < near.length; first += tileColumns) {
          const others = near.subarray(first, first + tileColumns);
          const evens = await even.run(rowsEven, evenPart(others, tileColumns));
          const odds = await odd.run(rowsOdd, oddPart(others, tileColumns));
          for (const [index, row] of rows.entries()) {
            const [from, to] = [index * tileColumns, index * largest + first];
            for (let column = 0; column < others.length; column++) {
              const score = evens[from + column]! + Math.abs(odds[from + column]!);
              scores[to + column] = score >= least && others[column] !== row ? score : Number.NEGATIVE_INFINITY;
              isMirrored[to + column] = Number(odds[from + column]! < 0);
            }
          }
        }
        for (const [index, row] of rows.entries()) {
          const from = index * largest;
          candidates.collect(scores.subarray(from, from + near.length), near.length);
          for (let rank = 0; rank < candidates.length; rank++) {
            const column = candidates.indices[rank]!;
            const [large, small] = [Math.max(row, near[column]!), Math.min(row, near[column]!)];
            const pair = { row: large, other: small, isMirrored: isMirrored[from + column] === 1 };
            pairs.set(large * numRows + small, pair);
          }
        }
        count(rows.length);
      }
    }
  } finally {
    await closeAll(even, odd);
  }
  return [...pairs.values()].sort((a, b) => a.row - b.row || a.other - b.other);
}

/**
 * Sorts rows into cells around some of them, by the even parts of their codes, which mirroring does not change. Up to
 * 6,000 rows are one cell, so all are compared with all.
 * @param codes - [n, 64] flattened
 */
export async function assignCells(codes: Int8Array, signal: AbortSignal): Promise<Cell[]> {
  const numRows = codes.length / codeLength;
  const all = Uint32Array.from({ length: numRows }, (_, row) => row);
  const numCells = countCells(numRows);
  if (numCells <= 1) return [{ own: all, near: all }].slice(0, numCells);
  const order = createPermutation({ size: numRows, seed: 0, id: 0 });
  const centers = Uint32Array.from({ length: numCells }, (_, cell) => permute(cell, order));
  const centerCodes = normalized(gather(codes, centers, numCells, 0, numEvenOfCode), numEvenOfCode);
  const product = await compileMatmul("float32", { rows: tileRows, columns: numCells, inner: numEvenOfCode });
  const own: number[][] = Array.from({ length: numCells }, () => []);
  const near: number[][] = Array.from({ length: numCells }, () => []);
  const nearest = new BestCandidates(cellsPerRow);
  try {
    for (let start = 0; start < numRows; start += tileRows) {
      signal.throwIfAborted();
      const rows = all.subarray(start, start + tileRows);
      const products = await product.run(gather(codes, rows, tileRows, 0, numEvenOfCode), centerCodes);
      for (const [index, row] of rows.entries()) {
        nearest.collect(products.subarray(index * numCells, (index + 1) * numCells), numCells);
        own[nearest.indices[0]!]!.push(row);
        for (const cell of nearest.indices) near[cell]!.push(row);
      }
    }
  } finally {
    await product.close();
  }
  return own.map((rows, cell) => ({ own: Uint32Array.from(rows), near: Uint32Array.from(near[cell]!) }));
}

/** A part of the codes of some rows as numbers, padded with zeros: [size, end − start] flattened. */
function gather(codes: Int8Array, rows: Uint32Array, size: number, start: number, end: number): Float32Array {
  const width = end - start;
  const numbers = new Float32Array(size * width);
  for (const [index, row] of rows.entries()) {
    for (let k = 0; k < width; k++) numbers[index * width + k] = codes[row * codeLength + start + k]!;
  }
  return numbers;
}

function normalized(vectors: Float32Array, width: number): Float32Array {
  for (let start = 0; start < vectors.length; start += width) {
    const vector = vectors.subarray(start, start + width);
    const norm = Math.hypot(...vector);
    if (norm > 0) for (let k = 0; k < width; k++) vector[k]! /= norm;
  }
  return vectors;
}
