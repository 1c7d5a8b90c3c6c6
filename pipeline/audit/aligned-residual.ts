import { imageChannels, imageSide } from "../../core/image-layout.ts";

/** Pixels by which a copy may be shifted, in each direction. */
const maxShift = 1;
/** Side of the part of an image that is inside another one for all shifts. */
const side = imageSide - 2 * maxShift;
const numPixels = side * side;
/** Contrast of a copy relative to the original, at least and at most. */
const minGain = 0.8;
const maxGain = 1.25;

/**
 * How much of an image another one does not explain, if it may be shifted by one pixel in any direction, and have another
 * brightness and contrast: the squared difference that remains, as a fraction of the product of both images' norms, each
 * around the mean of its colors. 0 for a copy, about 1 for an unrelated image; of two flat images it is 0 if both are flat,
 * else 1.
 * @param a - images; the first starts at byte `aStart`
 * @param b - images; the other starts at byte `bStart`
 * @param isMirrored - whether to mirror the other image
 */
export function alignedResidual(
  a: Uint8Array,
  aStart: number,
  b: Uint8Array,
  bStart: number,
  isMirrored: boolean,
): number {
  const middle = readWindow(a, aStart, maxShift, maxShift, false, windowA);
  let best = 1;
  for (let y = 0; y <= 2 * maxShift; y++) {
    for (let x = 0; x <= 2 * maxShift; x++) {
      const other = readWindow(b, bStart, y, x, isMirrored, windowB);
      if (middle === 0 || other === 0) {
        if (middle === other) best = 0;
        continue;
      }
      let product = 0;
      for (let index = 0; index < windowA.length; index++) product += windowA[index]! * windowB[index]!;
      const gain = Math.min(maxGain, Math.max(minGain, product / other));
      const rest = middle - 2 * gain * product + gain * gain * other;
      best = Math.min(best, rest / Math.sqrt(middle * other));
    }
  }
  return Math.max(0, best);
}

const windowA = new Float64Array(numPixels * imageChannels);
const windowB = new Float64Array(numPixels * imageChannels);
const sums = new Float64Array(imageChannels);

/** Reads a part of an image around the mean of its colors, and returns its squared norm. */
function readWindow(
  images: Uint8Array,
  start: number,
  top: number,
  left: number,
  isMirrored: boolean,
  out: Float64Array,
): number {
  sums.fill(0);
  for (let y = 0; y < side; y++) {
    for (let x = 0; x < side; x++) {
      const column = isMirrored ? imageSide - 1 - left - x : left + x;
      const pixel = start + ((top + y) * imageSide + column) * imageChannels;
      const target = (y * side + x) * imageChannels;
      for (let channel = 0; channel < imageChannels; channel++) {
        const value = images[pixel + channel]!;
        out[target + channel] = value;
        sums[channel]! += value;
      }
    }
  }
  let norm = 0;
  for (let index = 0; index < out.length; index += imageChannels) {
    for (let channel = 0; channel < imageChannels; channel++) {
      const value = out[index + channel]! - sums[channel]! / numPixels;
      out[index + channel] = value;
      norm += value * value;
    }
  }
  return norm;
}
