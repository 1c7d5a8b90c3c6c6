import { noiseBytes } from "../../support/make-cifar-10.ts";

/** Labeled images that look like noise. */
export interface TestImages {
  readonly images: Uint8Array;
  readonly labels: Uint8Array;
}

/** `count` images, no two alike; everything follows from the name. */
export function makeImages(name: string, count: number, numClasses = 10): TestImages {
  const images = new Uint8Array(count * 3072);
  const labels = new Uint8Array(count);
  for (let row = 0; row < count; row++) {
    images.set(noiseBytes(`${name} ${row}`, 3072), row * 3072);
    labels[row] = (row * 7 + 3) % numClasses;
  }
  return { images, labels };
}

/** int64, little endian. */
export function toInt64Bytes(values: ArrayLike<number>): Uint8Array {
  return new Uint8Array(BigInt64Array.from(Array.from(values), BigInt).buffer);
}
