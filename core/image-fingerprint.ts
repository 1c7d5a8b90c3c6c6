import { hash } from "node:crypto";
import { imageBytes, imageChannels, imageSide, mirrorHwc } from "./image-layout.ts";

/** Bytes of a fingerprint. */
export const fingerprintBytes = 16;

/**
 * Fingerprints of images: equal (but for the last bit) exactly where two images, or one and the mirror image of the
 * other, have the same pixels.
 *
 * The first 127 bits are those of the sha256 of the image or of its mirror image, whichever has the smaller bytes; the
 * last bit tells which: 0 the image itself, 1 its mirror image. Two copies with different last bits mirror each other.
 * @param images - uint8, shape [n, 32, 32, 3]
 * @returns uint8, shape [n, 16]
 */
export function fingerprintImages(images: Uint8Array): Uint8Array {
  const numImages = images.length / imageBytes;
  const out = new Uint8Array(numImages * fingerprintBytes);
  const mirrored = new Uint8Array(imageBytes);
  for (let index = 0; index < numImages; index++) {
    const image = images.subarray(index * imageBytes, (index + 1) * imageBytes);
    const isMirrorFirst = isMirrorSmaller(image);
    const digest = hash("sha256", isMirrorFirst ? mirrorHwc(image, mirrored) : image, "buffer");
    out.set(digest.subarray(0, fingerprintBytes), index * fingerprintBytes);
    const last = (index + 1) * fingerprintBytes - 1;
    out[last] = (out[last]! & 0xfe) | (isMirrorFirst ? 1 : 0);
  }
  return out;
}

/** Whether an image's mirror image comes first by bytes; the first row that is not symmetric decides. */
function isMirrorSmaller(image: Uint8Array): boolean {
  const rowBytes = imageSide * imageChannels;
  for (let row = 0; row < imageBytes; row += rowBytes) {
    for (let byte = 0; byte < rowBytes; byte++) {
      const channel = byte % imageChannels;
      const difference = image[row + rowBytes - imageChannels - byte + 2 * channel]! - image[row + byte]!;
      if (difference !== 0) return difference < 0;
    }
  }
  return false;
}

/** The two 64-bit halves of fingerprints, as numbers: the last bit is kept apart, so that mirror images compare equal. */
export interface FingerprintKeys {
  /** Bits 0 to 63. */
  readonly high: BigUint64Array;
  /** Bits 64 to 126. */
  readonly low: BigUint64Array;
  /** The last bit. */
  readonly mirrored: Uint8Array;
}

/** @param bytes - uint8, shape [n, 16] */
export function unpackFingerprints(bytes: Uint8Array): FingerprintKeys {
  const numKeys = bytes.length / fingerprintBytes;
  const keys = {
    high: new BigUint64Array(numKeys),
    low: new BigUint64Array(numKeys),
    mirrored: new Uint8Array(numKeys),
  };
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let index = 0; index < numKeys; index++) {
    const low = view.getBigUint64(index * fingerprintBytes + 8);
    keys.high[index] = view.getBigUint64(index * fingerprintBytes);
    keys.low[index] = low >> 1n;
    keys.mirrored[index] = bytes[(index + 1) * fingerprintBytes - 1]! & 1;
  }
  return keys;
}

/** The 32 hexadecimal digits that name an image and its mirror image alike. */
export function hexOfKey(high: bigint, low: bigint): string {
  return high.toString(16).padStart(16, "0") + (low << 1n).toString(16).padStart(16, "0");
}
