import { imageBytes, imageChannels, imageSide } from "../../core/image-layout.ts";

const rowBytes = imageSide * imageChannels;

/**
 * Squared distance between two images over all 3,072 values, each from 0 to 255; exact.
 * @param a - images; the first starts at byte `aStart`
 * @param b - images; the other starts at byte `bStart`
 * @param isMirrored - whether to mirror the other image
 * @param limit - a larger distance may be returned as any value above the limit
 */
export function squaredDistance(
  a: Uint8Array,
  aStart: number,
  b: Uint8Array,
  bStart: number,
  isMirrored: boolean,
  limit: number,
): number {
  let sum = 0;
  for (let row = 0; row < imageBytes && sum <= limit; row += rowBytes) {
    const aRow = aStart + row;
    if (!isMirrored) {
      const bRow = bStart + row;
      for (let byte = 0; byte < rowBytes; byte++) {
        const difference = a[aRow + byte]! - b[bRow + byte]!;
        sum += difference * difference;
      }
      continue;
    }
    const bLast = bStart + row + rowBytes - imageChannels;
    for (let byte = 0; byte < rowBytes; byte += imageChannels) {
      const red = a[aRow + byte]! - b[bLast - byte]!;
      const green = a[aRow + byte + 1]! - b[bLast - byte + 1]!;
      const blue = a[aRow + byte + 2]! - b[bLast - byte + 2]!;
      sum += red * red + green * green + blue * blue;
    }
  }
  return sum;
}
