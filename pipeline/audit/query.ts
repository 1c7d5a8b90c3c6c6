import { imageBytes } from "../../core/image-layout.ts";
import type { ImagePair } from "./pixels/image-pair.ts";
import type { Projection } from "./project-images.ts";
import type { ReferenceIndex } from "./reference-index.ts";

/** One image, and how it compares with references. */
export class Query {
  readonly #index: ReferenceIndex;
  readonly #projection: Projection;
  readonly #pair: ImagePair;
  readonly #row: number;
  readonly #firstCoefficient: number;

  /**
   * @param images - those of the projection; the image is the one with index `row`
   * @param pair - in use by this query until the next one is made
   */
  constructor(index: ReferenceIndex, images: Uint8Array, projection: Projection, row: number, pair: ImagePair) {
    this.#index = index;
    this.#projection = projection;
    this.#pair = pair;
    this.#row = row;
    this.#firstCoefficient = row * (index.basis.numEven + index.basis.numOdd);
    pair.setImage(images, row * imageBytes);
  }

  /** An upper bound on the distance to a reference or its mirror image, from its score. */
  upperBound(reference: number, score: number): number {
    const rest = this.#projection.restNorms[this.#row]! * this.#index.restNorms[reference]!;
    return Math.sqrt(Math.max(0, this.#projection.squaredNorms[this.#row]! - 2 * score + 4 * rest));
  }

  /** The exact squared distance to a reference or its mirror image, whichever is smaller; of equal ones, the plain one. */
  nearer(reference: number): { readonly squared: number; readonly isMirrored: boolean } {
    this.#pair.setReference(this.#index.images, reference * imageBytes);
    const plain = this.#pair.squaredDistance(false);
    const mirrored = this.#pair.squaredDistance(true);
    return { squared: Math.min(plain, mirrored), isMirrored: mirrored < plain };
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

  /** See `ImagePair.alignedResidual`. */
  alignedResidual(reference: number, isMirrored: boolean): number {
    this.#pair.setReference(this.#index.images, reference * imageBytes);
    return this.#pair.alignedResidual(isMirrored);
  }
}

/** Collects the two nearest references of an image. Of equal distances, the smaller index wins. */
export class NearestTwo {
  index = -1;
  squared = Number.POSITIVE_INFINITY;
  isMirrored = false;
  secondIndex = -1;
  secondSquared = Number.POSITIVE_INFINITY;

  /** Compares the image with a reference. */
  offer(query: Query, reference: number): void {
    const { squared, isMirrored } = query.nearer(reference);
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
