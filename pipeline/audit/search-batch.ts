import { imageBytes } from "../../core/image-layout.ts";
import { BestCandidates, groupSize } from "./best-candidates.ts";
import { type BoundProducts, openBoundProducts } from "./bound-products.ts";
import {
  allocateNearest,
  type NearestOfSplit,
  type NearestReferences,
  type ReferenceSplit,
  referenceSplits,
} from "./nearest-references.ts";
import { openProjector, type Projection, type Projector } from "./project-images.ts";
import { NearestTwo, Query } from "./query.ts";
import type { ReferenceIndex } from "./reference-index.ts";
import { codeFunctions, codeLength, writeCode } from "./shape-code.ts";

/** Number of images that are searched at once. */
export const searchBatchSize = 128;

/** Number of neighbors that define the usual distance around an image, and of candidates kept for each image. */
const usualNeighbors = 50;
/** Candidates that may be shifted or recolored copies. In 256 functions, a shifted copy has a rank below this one. */
const numCopyCandidates = 4;
/** A candidate whose leading coefficients leave more than this unexplained is no copy. */
const mostCoarseResidual = 0.28;
/** Relative error of the float32 products, at most. */
const roundingError = 1e-5;

/** Finds the nearest references of one batch after another. */
export interface BatchSearch {
  /** @param images - uint8 [n, 32, 32, 3] flattened, n at most `searchBatchSize` */
  search(images: Uint8Array): Promise<NearestReferences>;
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
  readonly #scores: Float32Array;
  readonly #maxima: Float32Array;
  readonly #candidates = new BestCandidates(usualNeighbors);
  readonly #largestNorm: number;
  readonly #width: number;
  readonly #codeFunctions: readonly number[];

  constructor(index: ReferenceIndex, projector: Projector, products: BoundProducts) {
    this.#index = index;
    this.#projector = projector;
    this.#products = products;
    this.#scores = new Float32Array(searchBatchSize * index.numReferences);
    this.#maxima = new Float32Array(searchBatchSize * this.#numGroups);
    this.#width = index.basis.numEven + index.basis.numOdd;
    this.#codeFunctions = codeFunctions(index.basis);
    this.#largestNorm = index.squaredNorms.reduce((largest, norm) => Math.max(largest, norm), 0);
  }

  get #numGroups(): number {
    return Math.ceil(this.#index.numReferences / groupSize);
  }

  async search(images: Uint8Array): Promise<NearestReferences> {
    const numImages = images.length / imageBytes;
    const projection = await this.#projector.project(images);
    await this.#products.run(projection, this.#scores, this.#maxima);
    const found = allocateNearest(numImages);
    for (let row = 0; row < numImages; row++) {
      const first = row * this.#width;
      writeCode(projection.coefficients, first, this.#codeFunctions, found.codes, row * codeLength);
      for (const split of referenceSplits) this.#searchSplit(images, projection, row, split, found[split]);
    }
    return found;
  }

  #searchSplit(
    images: Uint8Array,
    projection: Projection,
    row: number,
    split: ReferenceSplit,
    found: NearestOfSplit,
  ): void {
    const { numTrain, numReferences } = this.#index;
    const [start, end] = split === "train" ? [0, numTrain] : [numTrain, numReferences];
    if (start === end) return;
    const scores = this.#scores.subarray(row * numReferences, (row + 1) * numReferences);
    const maxima = this.#maxima.subarray(row * this.#numGroups, (row + 1) * this.#numGroups);
    this.#candidates.collect(scores, start, end, maxima);
    const query = new Query(this.#index, images, projection, row);
    // Rounding must not make a bound larger than the distance.
    const slack = roundingError * (projection.squaredNorms[row]! + this.#largestNorm);
    const largestScore = (squared: number) => (projection.squaredNorms[row]! - slack - squared) / 2;
    const nearest = this.#nearestTwo(query, scores, start, end, largestScore);
    found.index[row] = nearest.index - start;
    found.isMirrored[row] = Number(nearest.isMirrored);
    found.squared[row] = nearest.squared;
    found.secondIndex[row] = nearest.secondIndex < 0 ? -1 : nearest.secondIndex - start;
    found.secondSquared[row] = nearest.secondSquared;
    found.isAdaptive[row] = Number(this.#isAdaptive(query, scores, start, end, largestScore, nearest.squared));
    this.#findCopy(query, row, start, found);
  }

  /** The two nearest references: exact, because every reference whose bound is small enough is compared. */
  #nearestTwo(
    query: Query,
    scores: Float32Array,
    start: number,
    end: number,
    largestScore: (squared: number) => number,
  ): NearestTwo {
    const candidates = this.#candidates;
    const nearest = new NearestTwo();
    for (let rank = 0; rank < candidates.length; rank++) {
      if (candidates.scores[rank]! < largestScore(nearest.secondSquared)) return nearest;
      nearest.offer(query, candidates.indices[rank]!);
    }
    if (candidates.length === end - start) return nearest;
    const known = new Set(candidates.indices);
    for (let index = start; index < end; index++) {
      if (scores[index]! < largestScore(nearest.secondSquared) || known.has(index)) continue;
      nearest.offer(query, index);
    }
    return nearest;
  }

  /**
   * The adaptive test. The bounds' counterparts from above nearly always decide that an image passes; otherwise the 50
   * nearest distances are computed.
   */
  #isAdaptive(
    query: Query,
    scores: Float32Array,
    start: number,
    end: number,
    largestScore: (squared: number) => number,
    nearestSquared: number,
  ): boolean {
    const { length, indices, scores: best } = this.#candidates;
    const isBelow = (sum: number, count: number) => Math.sqrt(nearestSquared) < sum / count / 2;
    let sumOfBounds = 0;
    for (let rank = 0; rank < length; rank++) sumOfBounds += query.upperBound(indices[rank]!, best[rank]!);
    if (!isBelow(sumOfBounds, length)) return false;
    let farthest = 0;
    for (let rank = 0; rank < length; rank++) farthest = Math.max(farthest, query.squaredDistanceTo(indices[rank]!));
    const bar = largestScore(farthest);
    const distances: number[] = [];
    for (let index = start; index < end; index++) {
      if (scores[index]! >= bar) distances.push(Math.sqrt(query.squaredDistanceTo(index)));
    }
    distances.sort((a, b) => a - b);
    const sum = distances.slice(0, length).reduce((partial, distance) => partial + distance, 0);
    return isBelow(sum, length);
  }

  /** Looks among the best candidates for an image that explains this one. */
  #findCopy(query: Query, row: number, start: number, found: NearestOfSplit): void {
    const { indices, length } = this.#candidates;
    for (let rank = 0; rank < Math.min(numCopyCandidates, length); rank++) {
      const reference = indices[rank]!;
      const { residual, isMirrored } = query.coarseResidual(reference);
      if (residual > mostCoarseResidual) continue;
      const rest = query.alignedResidual(reference, isMirrored);
      if (found.copyIndex[row]! >= 0 && rest >= found.copyResidual[row]!) continue;
      found.copyIndex[row] = reference - start;
      found.copyResidual[row] = rest;
      found.isCopyMirrored[row] = Number(isMirrored);
    }
  }
}
