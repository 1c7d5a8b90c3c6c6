import { imageBytes } from "../../core/image-layout.ts";
import { BestCandidates } from "./best-candidates.ts";
import { type BoundProducts, openBoundProducts } from "./bound-products.ts";
import type { BoundScores } from "./bound-scores.ts";
import { allocateNearest, type NearestOfSplit, type NearestReferences, type Neighbor } from "./nearest-references.ts";
import { ImagePair } from "./pixels/image-pair.ts";
import { openProjector, type Projection, type Projector } from "./project-images.ts";
import { NearestTwo, Query } from "./query.ts";
import type { ReferenceIndex } from "./reference-index.ts";
import { codeFunctions, codeLength, writeCode } from "./shape-code.ts";
import { usualNeighbors } from "./thresholds.ts";

/** Number of images that are searched at once. */
export const searchBatchSize = 128;

/** Candidates that may be shifted or recolored copies. In 256 functions, a shifted copy has a rank below this one. */
const numCopyCandidates = 4;
/** A candidate whose leading coefficients leave more than this unexplained is not a copy. */
const mostCoarseResidual = 0.28;
/** Relative error of the float32 products, at most. */
const roundingError = 1e-5;

/** Finds the nearest references of one batch after another. */
export interface BatchSearch {
  /** @param images - uint8 [n, 32, 32, 3] flattened, n at most `searchBatchSize` */
  search(images: Uint8Array): Promise<NearestReferences>;
  /**
   * The nearest train images of each image, nearest first; of equal distances, the smaller index first.
   * @param images - uint8 [n, 32, 32, 3] flattened, n at most `searchBatchSize`
   * @param numNeighbors - at most `usualNeighbors`; fewer if there are fewer train images
   */
  listNeighbors(images: Uint8Array, numNeighbors: number): Promise<Neighbor[][]>;
}

/** The search of one image among the references of one split, from `start` to `end` − 1. */
interface SplitTask {
  readonly query: Query;
  readonly scores: BoundScores;
  /** Index of the image in its batch. */
  readonly row: number;
  readonly start: number;
  readonly end: number;
  /** The score below which no reference has this squared distance or a smaller one. */
  readonly largestScore: (squared: number) => number;
}

/** Opens a search in this thread. */
export async function openBatchSearch(index: ReferenceIndex): Promise<BatchSearch> {
  const projector = await openProjector(index.basis, searchBatchSize, 1);
  const products = await openBoundProducts(index, searchBatchSize);
  return new Search(index, projector, products);
}

class Search implements BatchSearch {
  readonly #index: ReferenceIndex;
  readonly #projector: Projector;
  readonly #products: BoundProducts;
  readonly #pair = new ImagePair();
  readonly #candidates = new BestCandidates(usualNeighbors);
  readonly #largestNorm: number;
  readonly #width: number;
  readonly #codeFunctions: readonly number[];

  constructor(index: ReferenceIndex, projector: Projector, products: BoundProducts) {
    this.#index = index;
    this.#projector = projector;
    this.#products = products;
    this.#width = index.basis.numEven + index.basis.numOdd;
    this.#codeFunctions = codeFunctions(index.basis);
    this.#largestNorm = index.squaredNorms.reduce((largest, norm) => Math.max(largest, norm), 0);
  }

  async search(images: Uint8Array): Promise<NearestReferences> {
    const found = allocateNearest(images.length / imageBytes);
    const { numTrain, numReferences } = this.#index;
    await this.#forEachImage(images, (task, { coefficients }) => {
      const { row } = task;
      writeCode(coefficients, row * this.#width, this.#codeFunctions, found.codes, row * codeLength);
      if (numTrain > 0) this.#searchSplit({ ...task, start: 0, end: numTrain }, found.train);
      if (numTrain < numReferences) {
        this.#searchSplit({ ...task, start: numTrain, end: numReferences }, found.test);
      }
    });
    return found;
  }

  async listNeighbors(images: Uint8Array, numNeighbors: number): Promise<Neighbor[][]> {
    const found: Neighbor[][] = [];
    await this.#forEachImage(images, (image) => {
      const task = { ...image, start: 0, end: this.#index.numTrain };
      task.scores.collect(task.row, task.start, task.end, this.#candidates);
      found.push(this.#nearest(task, numNeighbors));
    });
    return found;
  }

  async #forEachImage(
    images: Uint8Array,
    visit: (task: Omit<SplitTask, "start" | "end">, projection: Projection) => void,
  ): Promise<void> {
    const projection = await this.#projector.project(images);
    const scores = await this.#products.run(projection);
    for (let row = 0; row < images.length / imageBytes; row++) {
      // Rounding must not make a bound larger than the distance.
      const slack = roundingError * (projection.squaredNorms[row]! + this.#largestNorm);
      const largestScore = (squared: number) => (projection.squaredNorms[row]! - slack - squared) / 2;
      const query = new Query(this.#index, images, projection, row, this.#pair);
      visit({ query, scores, row, largestScore }, projection);
    }
  }

  #searchSplit(task: SplitTask, found: NearestOfSplit): void {
    const { query, scores, row, start, end } = task;
    const candidates = this.#candidates;
    scores.collect(row, start, end, candidates);
    const nearest = this.#nearestTwo(task);
    found.index[row] = nearest.index - start;
    found.isMirrored[row] = Number(nearest.isMirrored);
    found.squared[row] = nearest.squared;
    found.secondSquared[row] = nearest.secondSquared;
    found.isAdaptive[row] = Number(this.#isAdaptive(task, nearest.squared));
    this.#findCopy(query, row, start, found);
  }

  /** The two nearest references: exact, because every reference whose bound is small enough is compared. */
  #nearestTwo({ query, scores, row, start, end, largestScore }: SplitTask): NearestTwo {
    const candidates = this.#candidates;
    const nearest = new NearestTwo();
    for (let rank = 0; rank < candidates.length; rank++) {
      if (candidates.scores[rank]! < largestScore(nearest.secondSquared)) return nearest;
      nearest.offer(query, candidates.indices[rank]!);
    }
    if (candidates.length === end - start) return nearest;
    const known = new Set(candidates.indices);
    scores.visit(row, start, end, largestScore(nearest.secondSquared), (index) => {
      if (!known.has(index)) nearest.offer(query, index);
      return largestScore(nearest.secondSquared);
    });
    return nearest;
  }

  /**
   * The adaptive test. The bounds' counterparts from above nearly always decide that an image passes; otherwise the 50
   * nearest distances are computed.
   */
  #isAdaptive(task: SplitTask, nearestSquared: number): boolean {
    const { query } = task;
    const { length, indices, scores: best } = this.#candidates;
    const isBelow = (sum: number, count: number) => Math.sqrt(nearestSquared) < sum / count / 2;
    let sumOfBounds = 0;
    for (let rank = 0; rank < length; rank++) sumOfBounds += query.upperBound(indices[rank]!, best[rank]!);
    if (!isBelow(sumOfBounds, length)) return false;
    const sum = this.#nearest(task, length).reduce((partial, { squared }) => partial + Math.sqrt(squared), 0);
    return isBelow(sum, length);
  }

  /**
   * The nearest references, nearest first: exact, because every reference is compared whose bound allows that it is one of
   * them.
   * @param count - number of neighbors; fewer if there are fewer candidates
   */
  #nearest({ query, scores, row, start, end, largestScore }: SplitTask, count: number): Neighbor[] {
    const { length, indices } = this.#candidates;
    if (length === 0) return [];
    const known = Float64Array.from(indices.subarray(0, length), (index) => query.nearer(index).squared).sort();
    const bar = largestScore(known[Math.min(count, length) - 1]!);
    const found: Neighbor[] = [];
    scores.visit(row, start, end, bar, (index) => {
      found.push({ index: index - start, ...query.nearer(index) });
      return bar;
    });
    return found.sort((a, b) => a.squared - b.squared || a.index - b.index).slice(0, count);
  }

  /** Looks among the best candidates for an image that explains this one. */
  #findCopy(query: Query, row: number, start: number, found: NearestOfSplit): void {
    const { indices, length } = this.#candidates;
    for (let rank = 0; rank < Math.min(numCopyCandidates, length); rank++) {
      const reference = indices[rank]!;
      const { residual, isMirrored } = query.coarseResidual(reference);
      if (residual > mostCoarseResidual) continue;
      const aligned = query.alignedResidual(reference, isMirrored);
      if (found.copyIndex[row]! >= 0 && aligned >= found.copyResidual[row]!) continue;
      found.copyIndex[row] = reference - start;
      found.copyResidual[row] = aligned;
      found.isCopyMirrored[row] = Number(isMirrored);
    }
  }
}
