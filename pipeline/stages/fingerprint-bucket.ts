import {
  allocateKeys,
  type FingerprintKeys,
  fingerprintBytes,
  unpackFingerprint,
} from "../../core/image-fingerprint.ts";
import type { SampleKeys } from "./find-duplicates.ts";

/**
 * Images of a bucket on average, at most: 41 bytes each while copies are searched, 700 MB in all. Sets of up to so many
 * have one bucket.
 */
export const imagesPerBucket = 2 ** 24;

/** One of several parts of all fingerprints. Copies share their first bits, so they are in the same bucket. */
export interface Bucket {
  readonly index: number;
  readonly numBuckets: number;
}

/** The buckets of a set, as few as fit into memory one by one. */
export function planBuckets(numImages: number, perBucket: number = imagesPerBucket): Bucket[] {
  const numBuckets = Math.max(1, Math.ceil(numImages / perBucket));
  return Array.from({ length: numBuckets }, (_, index) => ({ index, numBuckets }));
}

/** Whether a fingerprint that begins with these 32 bits is in a bucket. */
function holds({ index, numBuckets }: Bucket, first32: number): boolean {
  return Math.floor((first32 / 2 ** 32) * numBuckets) === index;
}

/** Collects the fingerprints of a bucket from files that hold those of all buckets. */
export class BucketCollector {
  readonly #bucket: Bucket;
  #keys: FingerprintKeys;
  #ids: Float64Array;
  #size = 0;

  /** @param numImages - number of images in all buckets */
  constructor(bucket: Bucket, numImages: number) {
    this.#bucket = bucket;
    const mean = numImages / bucket.numBuckets;
    // Fingerprints are hashes, so a bucket exceeds this only where many images are copies. It then grows.
    const capacity = bucket.numBuckets === 1 ? numImages : Math.ceil(mean + 10 * Math.sqrt(mean) + 100);
    this.#keys = allocateKeys(capacity);
    this.#ids = new Float64Array(capacity);
  }

  /**
   * Takes those of some fingerprints that are in the bucket.
   * @param bytes - uint8, shape [n, 16]
   * @param firstId - sample id of the first; the others follow
   */
  add(bytes: Uint8Array, firstId: number): void {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (let index = 0, offset = 0; offset < bytes.length; index++, offset += fingerprintBytes) {
      if (!holds(this.#bucket, view.getUint32(offset))) continue;
      if (this.#size === this.#ids.length) this.#grow();
      unpackFingerprint(view, offset, this.#keys, this.#size);
      this.#ids[this.#size] = firstId + index;
      this.#size++;
    }
  }

  finish(): SampleKeys {
    const { high, low, mirrored } = this.#keys;
    return {
      high: high.subarray(0, this.#size),
      low: low.subarray(0, this.#size),
      mirrored: mirrored.subarray(0, this.#size),
      ids: this.#ids.subarray(0, this.#size),
    };
  }

  #grow(): void {
    const capacity = Math.ceil(this.#ids.length * 1.5);
    const [keys, ids] = [this.#keys, this.#ids];
    this.#keys = allocateKeys(capacity);
    this.#ids = new Float64Array(capacity);
    this.#keys.high.set(keys.high);
    this.#keys.low.set(keys.low);
    this.#keys.mirrored.set(keys.mirrored);
    this.#ids.set(ids);
  }
}
