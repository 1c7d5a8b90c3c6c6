import { Cifar5mError } from "../../core/errors.ts";
import { compileMatmul, type Product } from "./compile-matmul.ts";
import type { Features } from "./features.ts";
import type { ManifoldScores } from "./score.ts";

/** Number of neighbors that define the balls of precision and recall. */
const precisionNeighbors = 3;
/** Number of neighbors that define the balls of density and coverage. */
const densityNeighbors = 5;
/** Relative slack on the squared radius, so that rounding cannot put the k-th neighbor outside its own ball. */
const tolerance = 1e-9;
/** Vectors count as equal if their squared distance is below this fraction of their squared lengths. */
const equality = 1e-12;
/** Number of rows of distances in memory at once, at most. */
const maxBlockRows = 256;

/**
 * Precision and recall by Kynkäänniemi et al. 2019 (arXiv:1904.06991), density and coverage by Naeem et al. 2020
 * (arXiv:2002.09797). The ball of an image reaches to its k-th nearest neighbor of its own kind.
 * @throws Cifar5mError `score/too-few-images` for fewer than six images of a kind
 */
export async function compareManifolds(real: Features, synthetic: Features): Promise<ManifoldScores> {
  for (const { count } of [real, synthetic]) {
    if (count > densityNeighbors) continue;
    throw new Cifar5mError(
      "score/too-few-images",
      `${densityNeighbors} nearest neighbors need more than ${densityNeighbors} images, got ${count}. Score more images.`,
    );
  }
  const realRadii = await squaredRadii(real);
  const syntheticRadii = await squaredRadii(synthetic);
  const hasNeighbor = new Uint8Array(real.count);
  const isCovered = new Uint8Array(real.count);
  let [numPrecise, numBalls] = [0, 0];
  await forEachDistance(synthetic, real, (row, distances) => {
    const radius = syntheticRadii.precision[row]!;
    let isPrecise = false;
    for (let column = 0; column < real.count; column++) {
      const distance = distances[column]!;
      if (distance <= realRadii.precision[column]!) isPrecise = true;
      if (distance <= radius) hasNeighbor[column] = 1;
      if (distance <= realRadii.density[column]!) {
        numBalls++;
        isCovered[column] = 1;
      }
    }
    if (isPrecise) numPrecise++;
  });
  return {
    precision: numPrecise / synthetic.count,
    recall: sum(hasNeighbor) / real.count,
    density: numBalls / (densityNeighbors * synthetic.count),
    coverage: sum(isCovered) / real.count,
  };
}

/** Squared distance of each vector to its k-th neighbor, not counting the vector itself. */
async function squaredRadii(features: Features): Promise<Readonly<Record<"precision" | "density", Float64Array>>> {
  const precision = new Float64Array(features.count);
  const density = new Float64Array(features.count);
  const nearest = new Float64Array(densityNeighbors);
  await forEachDistance(features, features, (row, distances) => {
    nearest.fill(Number.POSITIVE_INFINITY);
    for (let column = 0; column < features.count; column++) {
      let distance = distances[column]!;
      if (column === row || distance >= nearest[densityNeighbors - 1]!) continue;
      for (let index = 0; index < densityNeighbors; index++) {
        const other = nearest[index]!;
        if (distance >= other) continue;
        nearest[index] = distance;
        distance = other;
      }
    }
    precision[row] = nearest[precisionNeighbors - 1]! * (1 + tolerance);
    density[row] = nearest[densityNeighbors - 1]! * (1 + tolerance);
  });
  return { precision, density };
}

/** Computes the squared distances of each of `rows` to all of `columns`, row by row. */
async function forEachDistance(
  rows: Features,
  columns: Features,
  visit: (row: number, distances: Float64Array) => void,
): Promise<void> {
  const { width } = rows;
  const blockRows = Math.min(maxBlockRows, rows.count);
  const columnValues = Float64Array.from(columns.values);
  const rowNorms = squaredNorms(rows);
  const columnNorms = squaredNorms(columns);
  const product: Product<Float64Array> = await compileMatmul("float64", {
    rows: blockRows,
    columns: columns.count,
    inner: width,
  });
  try {
    for (let start = 0; start < rows.count; start += blockRows) {
      const end = Math.min(start + blockRows, rows.count);
      const block = new Float64Array(blockRows * width);
      block.set(rows.values.subarray(start * width, end * width));
      const distances = await product.run(block, columnValues);
      for (let row = start; row < end; row++) {
        const part = distances.subarray((row - start) * columns.count, (row - start + 1) * columns.count);
        const norm = rowNorms[row]!;
        for (let column = 0; column < part.length; column++) {
          const lengths = norm + columnNorms[column]!;
          const distance = lengths - 2 * part[column]!;
          part[column] = distance < equality * lengths ? 0 : distance;
        }
        visit(row, part);
      }
    }
  } finally {
    await product.close();
  }
}

function squaredNorms({ count, width, values }: Features): Float64Array {
  const norms = new Float64Array(count);
  for (let index = 0; index < count * width; index++) norms[Math.floor(index / width)]! += values[index]! ** 2;
  return norms;
}

function sum(values: Uint8Array): number {
  return values.reduce((total, value) => total + value, 0);
}
