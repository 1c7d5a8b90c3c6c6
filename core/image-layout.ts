/** CIFAR images as bytes: their shape, their class names, their mean, and conversions between layouts. */

import { Cifar5mError } from "./errors.ts";

/** Height and width in pixels. */
export const imageSide = 32;
/** Red, green, blue. */
export const imageChannels = 3;
/** Height × width. */
export const imagePixels = imageSide * imageSide;
/** Bytes of one image: 32 · 32 · 3. */
export const imageBytes = imagePixels * imageChannels;

/** The class names of CIFAR-10 in the order of their labels. */
export const cifar10ClassNames = [
  "airplane",
  "automobile",
  "bird",
  "cat",
  "deer",
  "dog",
  "frog",
  "horse",
  "ship",
  "truck",
] as const;
/** Number of these classes. */
export const numCifar10Classes = cifar10ClassNames.length;

/** Whether a set has these classes, in this order. */
export function hasCifar10Classes({ classNames }: { readonly classNames: readonly string[] }): boolean {
  return classNames.join() === cifar10ClassNames.join();
}

/** Mean and standard deviation of CIFAR-10's train pixels in [0, 1], for red, green and blue. */
export const cifar10Mean = [0.4914, 0.4822, 0.4465] as const;
export const cifar10Std = [0.247, 0.2435, 0.2616] as const;

/** Images and their classes. */
export interface LabeledImages {
  /** uint8, shape [n, 32, 32, 3] flattened. */
  readonly images: Uint8Array;
  /** uint8, shape [n]. */
  readonly labels: Uint8Array;
}

/** Image `index` of consecutive images, without copying. */
export function imageAt(images: Uint8Array, index: number): Uint8Array {
  return images.subarray(index * imageBytes, (index + 1) * imageBytes);
}

/**
 * Converts planar images to interleaved ones.
 * @param images - uint8, shape [B, 3, 32, 32] flattened, as in the official CIFAR files
 * @param out - the array to write to, of the same length; must not overlap `images`; a new array by default
 * @returns uint8, shape [B, 32, 32, 3] flattened
 * @throws Cifar5mError `image/bad-length` unless the length is a multiple of 3,072
 */
export function chwToHwc(images: Uint8Array, out: Uint8Array = new Uint8Array(images.length)): Uint8Array {
  requireWholeImages(images, out);
  for (let start = 0; start < images.length; start += imageBytes) {
    for (let pixel = 0; pixel < imagePixels; pixel++) {
      const target = start + pixel * imageChannels;
      out[target] = images[start + pixel]!;
      out[target + 1] = images[start + imagePixels + pixel]!;
      out[target + 2] = images[start + 2 * imagePixels + pixel]!;
    }
  }
  return out;
}

/**
 * Converts interleaved images to planar ones: the inverse of `chwToHwc`.
 * @param images - uint8, shape [B, 32, 32, 3] flattened
 * @param out - the array to write to, of the same length; must not overlap `images`; a new array by default
 * @returns uint8, shape [B, 3, 32, 32] flattened
 * @throws Cifar5mError `image/bad-length` unless the length is a multiple of 3,072
 */
export function hwcToChw(images: Uint8Array, out: Uint8Array = new Uint8Array(images.length)): Uint8Array {
  requireWholeImages(images, out);
  for (let start = 0; start < images.length; start += imageBytes) {
    for (let pixel = 0; pixel < imagePixels; pixel++) {
      const source = start + pixel * imageChannels;
      out[start + pixel] = images[source]!;
      out[start + imagePixels + pixel] = images[source + 1]!;
      out[start + 2 * imagePixels + pixel] = images[source + 2]!;
    }
  }
  return out;
}

/**
 * Mirrors images left to right.
 * @param images - uint8, shape [B, 32, 32, 3] flattened
 * @param out - the array to write to, of the same length; must not overlap `images`; a new array by default
 * @returns uint8, shape [B, 32, 32, 3] flattened
 * @throws Cifar5mError `image/bad-length` unless the length is a multiple of 3,072
 */
export function mirrorHwc(images: Uint8Array, out: Uint8Array = new Uint8Array(images.length)): Uint8Array {
  requireWholeImages(images, out);
  const rowBytes = imageSide * imageChannels;
  for (let row = 0; row < images.length; row += rowBytes) {
    for (let x = 0; x < rowBytes; x += imageChannels) {
      const target = row + rowBytes - imageChannels - x;
      out[target] = images[row + x]!;
      out[target + 1] = images[row + x + 1]!;
      out[target + 2] = images[row + x + 2]!;
    }
  }
  return out;
}

/** @throws Cifar5mError `image/bad-length` unless the length is a multiple of 3,072 */
export function requireWholeImages(images: Uint8Array, out: Uint8Array = images): void {
  if (images.length % imageBytes === 0 && out.length === images.length) return;
  throw new Cifar5mError(
    "image/bad-length",
    `images must be a multiple of ${imageBytes} bytes, got ${images.length}${out === images ? "" : `, and out as long, got ${out.length}`}. ` +
      "Pass whole 32×32×3 images.",
  );
}
