import { hash } from "node:crypto";
import { imageAt, imageBytes, imageChannels, imageSide, mirrorHwc } from "./image-layout.ts";

/** Bytes per fingerprint. */
export const fingerprintBytes = 16;

/**
 * Computes fingerprints of images. The first 127 bits of two fingerprints are equal exactly if both images have the same
 * pixels, or if one image is the mirror image of the other.
 *
 * Of an image and its mirror image, the one with the smaller bytes is hashed. The fingerprint holds the first 127 bits of
 * its sha256. The last bit is 0 if the image itself was hashed and 1 if its mirror image was, so two images that differ
 * only in the last bit mirror each other.
 * @param images - uint8, shape [n, 32, 32, 3]
 * @returns uint8, shape [n, 16]
 */
export function fingerprintImages(images: Uint8Array): Uint8Array {
  const numImages = images.length / imageBytes;
  const out = new Uint8Array(numImages * fingerprintBytes);
  const mirrored = new Uint8Array(imageBytes);
  for (let index = 0; index < numImages; index++) {
    const image = imageAt(images, index);
    const isMirrorFirst = isMirrorSmaller(image);
    const digest = hash("sha256", isMirrorFirst ? mirrorHwc(image, mirrored) : image, "buffer");
    out.set(digest.subarray(0, fingerprintBytes), index * fingerprintBytes);
    const last = (index + 1) * fingerprintBytes - 1;
    out[last] = (out[last]! & 0xfe) | (isMirrorFirst ? 1 : 0);
  }
  return out;
}

/** Whether the mirror image has smaller bytes than the image. The first row that is not symmetric decides. */
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

/** The two 64-bit halves of fingerprints as numbers. The last bit is stored apart, so that mirror images compare equal. */
export interface FingerprintKeys {
  /** Bits 0 to 63. */
  readonly high: BigUint64Array;
  /** Bits 64 to 126. */
  readonly low: BigUint64Array;
  /** The last bit. */
  readonly mirrored: Uint8Array;
}

/** Memory for so many keys. */
export function allocateKeys(numKeys: number): FingerprintKeys {
  return {
    high: new BigUint64Array(numKeys),
    low: new BigUint64Array(numKeys),
    mirrored: new Uint8Array(numKeys),
  };
}

/** Unpacks the fingerprint that begins at byte `offset` into key `index`. */
export function unpackFingerprint(view: DataView, offset: number, keys: FingerprintKeys, index: number): void {
  keys.high[index] = view.getBigUint64(offset);
  keys.low[index] = view.getBigUint64(offset + 8) >> 1n;
  keys.mirrored[index] = view.getUint8(offset + fingerprintBytes - 1) & 1;
}

/** @param bytes - uint8, shape [n, 16] */
export function unpackFingerprints(bytes: Uint8Array): FingerprintKeys {
  const numKeys = bytes.length / fingerprintBytes;
  const keys = allocateKeys(numKeys);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let index = 0; index < numKeys; index++) unpackFingerprint(view, index * fingerprintBytes, keys, index);
  return keys;
}

/** A fingerprint as 32 hexadecimal digits with the last bit cleared: an image and its mirror image share it. */
export function hexOfKey(high: bigint, low: bigint): string {
  return high.toString(16).padStart(16, "0") + (low << 1n).toString(16).padStart(16, "0");
}
