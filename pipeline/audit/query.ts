import { imageBytes } from "../../core/image-layout.ts";
import { alignedResidual } from "./aligned-residual.ts";
import { squaredDistance } from "./pixel-distance.ts";
import type { Projection } from "./project-images.ts";
import type { ReferenceIndex } from "./reference-index.ts";

/** One image, and how it compares with references. */
export class Query {
  readonly #index: ReferenceIndex;
  readonly #images: Uint8Array;
  readonly #start: number;
  readonly #projection: Projection;
  readonly #row: number;
  readonly #firstCoefficient: number;

  /** @param row - the index of the image among `images` */
  constructor(index: ReferenceIndex, images: Uint8Array, projection: Projection, row: number) {
    this.#index = index;
    this.#images = images;
    this.#projection = projection;
    this.#row = row;
    this.#start = row * imageBytes;
    this.#firstCoefficient = row * (index.basis.numEven + index.basis.numOdd);
  }

  /** An upper bound on the distance to a reference or its mirror image, from its score. */
  upperBound(reference: number, score: number): number {
    const rest = this.#projection.restNorms[this.#row]! * this.#index.restNorms[reference]!;
    return Math.sqrt(Math.max(0, this.#projection.squaredNorms[this.#row]! - 2 * score + 4 * rest));
  }

  /** Twice the odd part of the product: the squared distances to a reference and to its mirror image differ by about twice that. */
  oddProduct(reference: number): number {
    const { numEven, numOdd } = this.#index.basis;
    return this.#product(reference, numEven, numEven + numOdd);
  }

  /** The exact squared distance, plain or mirrored. A distance above the limit may be returned as any value above it. */
  squaredDistance(reference: number, isMirrored: boolean, limit: number): number {
    return squaredDistance(this.#images, this.#start, this.#index.images, reference * imageBytes, isMirrored, limit);
  }

  /** The smaller one of the two squared distances, exact. */
  squaredDistanceTo(reference: number): number {
    const plain = this.squaredDistance(reference, false, Number.POSITIVE_INFINITY);
    return Math.min(plain, this.squaredDistance(reference, true, plain));
  }

  /** The part of the leading coefficients that a reference does not explain, in [0, 1], and its better orientation. */
  coarseResidual(reference: number): { readonly residual: number; readonly isMirrored: boolean } {
    const { numEven, numOdd, constants } = this.#index.basis;
    // The lower half of the frequencies: a shift by one pixel changes the upper half much.
    const [even, odd] = [Math.ceil(numEven / 2), Math.ceil(numOdd / 2)];
    const ofQuery = { values: this.#projection.coefficients, first: this.#firstCoefficient };
    const ofReference = { values: this.#index.coefficients, first: reference * (numEven + numOdd) };
    const parts = [
      [0, even],
      [numEven, numEven + odd],
    ] as const;
    const product = (a: typeof ofQuery, b: typeof ofQuery, [start, end]: readonly [number, number]) => {
      let sum = 0;
      for (let k = start; k < end; k++) sum += a.values[a.first + k]! * b.values[b.first + k]!;
      if (start > 0) return sum;
      for (const k of constants) sum -= a.values[a.first + k]! * b.values[b.first + k]!;
      return sum;
    };
    const norm = (of: typeof ofQuery) => parts.reduce((sum, part) => sum + product(of, of, part), 0);
    const [evenProduct, oddProduct] = parts.map((part) => product(ofQuery, ofReference, part)) as [number, number];
    const norms = Math.sqrt(norm(ofQuery) * norm(ofReference));
    // Flat images have no leading coefficients but the constants. The pixels decide.
    const residual = norms < 1 ? 0 : 1 - (evenProduct + Math.abs(oddProduct)) / norms;
    return { residual, isMirrored: oddProduct < 0 };
  }

  /** See `alignedResidual`. */
  alignedResidual(reference: number, isMirrored: boolean): number {
    return alignedResidual(this.#images, this.#start, this.#index.images, reference * imageBytes, isMirrored);
  }

  #product(reference: number, start: number, end: number): number {
    const { basis, coefficients } = this.#index;
    const [a, b] = [this.#firstCoefficient, reference * (basis.numEven + basis.numOdd)];
    let sum = 0;
    for (let k = start; k < end; k++) sum += this.#projection.coefficients[a + k]! * coefficients[b + k]!;
    return sum;
  }
}

/** Collects the two nearest references of an image. Of equal distances, the smaller index wins. */
export class NearestTwo {
  index = -1;
  squared = Number.POSITIVE_INFINITY;
  isMirrored = false;
  secondIndex = -1;
  secondSquared = Number.POSITIVE_INFINITY;

  /** Compares the image with a reference, in the more promising orientation first. */
  offer(query: Query, reference: number): void {
    const mirroredFirst = query.oddProduct(reference) < 0;
    const first = query.squaredDistance(reference, mirroredFirst, this.secondSquared);
    const second = query.squaredDistance(reference, !mirroredFirst, Math.min(first, this.secondSquared));
    const squared = Math.min(first, second);
    // Of a symmetric image, the plain one counts.
    const isMirrored = first === second ? false : first < second === mirroredFirst;
    if (this.#isBefore(squared, reference, this.squared, this.index)) {
      this.secondIndex = this.index;
      this.secondSquared = this.squared;
      this.index = reference;
      this.squared = squared;
      this.isMirrored = isMirrored;
    } else if (this.#isBefore(squared, reference, this.secondSquared, this.secondIndex)) {
      this.secondIndex = reference;
      this.secondSquared = squared;
    }
  }

  #isBefore(squared: number, reference: number, otherSquared: number, other: number): boolean {
    return squared < otherSquared || (squared === otherSquared && (other < 0 || reference < other));
  }
}
