import { imageBytes } from "../../../core/image-layout.ts";
import { openKernel } from "../../../core/open-kernel.ts";
import { pixelKernel } from "./pixel-kernel.ts";

/** See `assembly/kernel.ts`. */
interface Kernel {
  readonly memory: { readonly buffer: ArrayBuffer };
  readonly image: { readonly value: number };
  readonly reference: { readonly value: number };
  readonly middleSums: { readonly value: number };
  readonly windowSums: { readonly value: number };
  readonly products: { readonly value: number };
  prepareImage(): void;
  squaredDistance(isMirrored: boolean): number;
  sumWindows(): void;
  multiplyWindows(isMirrored: boolean): void;
}

/** Pixels by which a copy may be shifted, in each direction. */
const maxShift = 1;
const numWindows = (2 * maxShift + 1) ** 2;
/** Pixels of the part of an image that is inside another one for all shifts. */
const numPixels = (32 - 2 * maxShift) ** 2;
/** Contrast of a copy relative to the original, at least and at most. */
const minGain = 0.8;
const maxGain = 1.25;

/** Compares an image with references, one after the other. All sums are of integers, so they are exact. */
export class ImagePair {
  readonly #kernel: Kernel;
  readonly #image: Uint8Array;
  readonly #reference: Uint8Array;
  readonly #middleSums: Int32Array;
  readonly #windowSums: Int32Array;
  readonly #products: Int32Array;

  constructor() {
    const kernel = openKernel<Kernel>(pixelKernel);
    const { buffer } = kernel.memory;
    this.#kernel = kernel;
    this.#image = new Uint8Array(buffer, kernel.image.value, imageBytes);
    this.#reference = new Uint8Array(buffer, kernel.reference.value, imageBytes);
    this.#middleSums = new Int32Array(buffer, kernel.middleSums.value, 4);
    this.#windowSums = new Int32Array(buffer, kernel.windowSums.value, 4 * numWindows);
    this.#products = new Int32Array(buffer, kernel.products.value, numWindows);
  }

  /** @param images - uint8 [n, 32, 32, 3] flattened; the image starts at byte `start` */
  setImage(images: Uint8Array, start: number): void {
    this.#image.set(images.subarray(start, start + imageBytes));
    this.#kernel.prepareImage();
  }

  /** @param images - uint8 [n, 32, 32, 3] flattened; the reference starts at byte `start` */
  setReference(images: Uint8Array, start: number): void {
    this.#reference.set(images.subarray(start, start + imageBytes));
  }

  /**
   * Squared distance over all 3,072 values, each from 0 to 255.
   * @param isMirrored - whether to mirror one of the images
   */
  squaredDistance(isMirrored: boolean): number {
    return this.#kernel.squaredDistance(isMirrored);
  }

  /**
   * How much of the image the reference does not explain, if it may be shifted by one pixel in any direction, and have
   * another brightness and contrast: the squared difference that remains, as a fraction of the product of both images'
   * norms, each around the mean of its colors. 0 for a copy, about 1 for an unrelated image; of two flat images it is 0 if
   * both are flat, else 1.
   * @param isMirrored - whether to mirror one of the images
   */
  alignedResidual(isMirrored: boolean): number {
    this.#kernel.sumWindows();
    this.#kernel.multiplyWindows(isMirrored);
    const [red, green, blue] = this.#middleSums as unknown as readonly [number, number, number];
    const middleNorm = normAt(this.#middleSums, 0);
    const sums = this.#windowSums;
    let best = 1;
    for (let window = 0; window < numWindows; window++) {
      const norm = normAt(sums, 4 * window);
      if (middleNorm === 0 || norm === 0) {
        if (middleNorm === norm) best = 0;
        continue;
      }
      const ofColors = red * sums[4 * window]! + green * sums[4 * window + 1]! + blue * sums[4 * window + 2]!;
      const product = this.#products[window]! - ofColors / numPixels;
      const gain = Math.min(maxGain, Math.max(minGain, product / norm));
      const rest = middleNorm - 2 * gain * product + gain * gain * norm;
      best = Math.min(best, rest / Math.sqrt(middleNorm * norm));
    }
    return Math.max(0, best);
  }
}

/** Squared norm around the mean of the colors. @param sums - red, green, blue and squares from `start` on */
function normAt(sums: Int32Array, start: number): number {
  const [red, green, blue, squares] = [sums[start]!, sums[start + 1]!, sums[start + 2]!, sums[start + 3]!];
  return squares - (red * red + green * green + blue * blue) / numPixels;
}
