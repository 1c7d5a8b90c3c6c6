import { imageBytes } from "../../core/image-layout.ts";
import { ImagePair } from "./pixels/image-pair.ts";
import { type Cell, findSimilarCodes } from "./similar-codes.ts";
import { nearCopyResidual } from "./thresholds.ts";

/** An image of a set that is a near-copy of another one with a smaller row. */
export interface NearDuplicate {
  readonly row: number;
  readonly of: number;
  readonly isMirrored: boolean;
  /** See `ImagePair.alignedResidual`. */
  readonly residual: number;
}

/** Pairs whose images are in memory at once. */
const pairsPerRead = 512;

/**
 * Finds near-copies within a set, of the rows of some cells: candidates by their codes, then the pixels decide.
 * @param options.codes - of all rows, [n, 64] flattened
 * @param options.cells - some of those that `assignCells` returns
 * @param options.readImages - reads rows, in rising order
 * @returns all pairs, by rising row, then by the other row
 */
export async function findNearDuplicates(options: {
  readonly codes: Int8Array;
  readonly cells: readonly Cell[];
  readonly readImages: (rows: readonly number[]) => Promise<Uint8Array>;
  readonly signal: AbortSignal;
  readonly count: (rows: number) => void;
}): Promise<NearDuplicate[]> {
  const { readImages, signal } = options;
  const pairs = await findSimilarCodes(options);
  const pair = new ImagePair();
  const found: NearDuplicate[] = [];
  for (let start = 0; start < pairs.length; start += pairsPerRead) {
    signal.throwIfAborted();
    const part = pairs.slice(start, start + pairsPerRead);
    const rows = [...new Set(part.flatMap(({ row, other }) => [row, other]))].sort((a, b) => a - b);
    const images = await readImages(rows);
    const positions = new Map(rows.map((row, position) => [row, position * imageBytes]));
    for (const { row, other, isMirrored } of part) {
      pair.setImage(images, positions.get(row)!);
      pair.setReference(images, positions.get(other)!);
      const residual = pair.alignedResidual(isMirrored);
      if (residual <= nearCopyResidual) found.push({ row, of: other, isMirrored, residual });
    }
  }
  return found;
}

/**
 * Of each row the most similar pair; of equal ones, that with the smaller other row.
 * @param pairs - in any order; those of different cells may repeat each other
 * @returns by rising row
 */
export function mostSimilar(pairs: readonly NearDuplicate[]): NearDuplicate[] {
  const best = new Map<number, NearDuplicate>();
  for (const pair of pairs) {
    const known = best.get(pair.row);
    if (known === undefined || pair.residual < known.residual) best.set(pair.row, pair);
    else if (pair.residual === known.residual && pair.of < known.of) best.set(pair.row, pair);
  }
  return [...best.values()].sort((a, b) => a.row - b.row);
}
