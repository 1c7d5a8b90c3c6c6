import { imageBytes, imageChannels, imageSide, mirrorHwc } from "../../core/image-layout.ts";

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
  const middle = readMiddle(a, aStart);
  if (isMirrored) mirrorHwc(b.subarray(bStart, bStart + imageBytes), other);
  else other.set(b.subarray(bStart, bStart + imageBytes));
  let best = 1;
  for (let top = 0; top <= 2 * maxShift; top++) {
    for (let left = 0; left <= 2 * maxShift; left++) {
      const { product, norm } = compareWindow(top, left);
      if (middle === 0 || norm === 0) {
        if (middle === norm) best = 0;
        continue;
      }
      const gain = Math.min(maxGain, Math.max(minGain, product / norm));
      const rest = middle - 2 * gain * product + gain * gain * norm;
      best = Math.min(best, rest / Math.sqrt(middle * norm));
    }
  }
  return Math.max(0, best);
}

/** The middle of the first image, around the mean of its colors: [30, 30, 3] flattened. */
const window = new Float64Array(numPixels * imageChannels);
/** The other image, mirrored if necessary. */
const other = new Uint8Array(imageBytes);

/** Fills `window`, and returns its squared norm. */
function readMiddle(images: Uint8Array, start: number): number {
  let norm = 0;
  for (let channel = 0; channel < imageChannels; channel++) {
    let sum = 0;
    for (let y = 0, target = channel; y < side; y++) {
      const row = start + ((maxShift + y) * imageSide + maxShift) * imageChannels + channel;
      for (let x = 0; x < side; x++, target += imageChannels) {
        const value = images[row + x * imageChannels]!;
        window[target] = value;
        sum += value;
      }
    }
    const mean = sum / numPixels;
    for (let target = channel; target < window.length; target += imageChannels) {
      const value = window[target]! - mean;
      window[target] = value;
      norm += value * value;
    }
  }
  // Rounding leaves less than this of a flat image.
  return norm < 1e-9 ? 0 : norm;
}

/** The product of `window` with a part of the other image, and the squared norm of that part around the mean of its colors. */
function compareWindow(top: number, left: number): { readonly product: number; readonly norm: number } {
  let [product, squares, red, green, blue] = [0, 0, 0, 0, 0];
  for (let y = 0, index = 0; y < side; y++) {
    const row = ((top + y) * imageSide + left) * imageChannels;
    for (let byte = row; byte < row + side * imageChannels; byte += imageChannels, index += imageChannels) {
      const [r, g, b] = [other[byte]!, other[byte + 1]!, other[byte + 2]!];
      // The window has mean 0, so the mean of the part does not matter.
      product += window[index]! * r + window[index + 1]! * g + window[index + 2]! * b;
      squares += r * r + g * g + b * b;
      red += r;
      green += g;
      blue += b;
    }
  }
  return { product, norm: squares - (red * red + green * green + blue * blue) / numPixels };
}
