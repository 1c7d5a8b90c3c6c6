import { imageBytes } from "../../core/image-layout.ts";
import type { Features } from "./features.ts";

/** A fixed network that describes images by features. Distances between features compare sets. */
export interface FeatureNet {
  /** Name for people: `labeler`, or the name of the file. */
  readonly name: string;
  /** sha256 of the file of weights. Figures of different features cannot be compared. */
  readonly sha256: string;
  /** Number of images per call for full speed. */
  readonly batchSize: number;
  /** Number of features of an image. */
  readonly width: number;
  /** @param images - uint8 [n, 32, 32, 3] flattened; returns float32 [n, width] flattened */
  run(images: Uint8Array): Promise<Float32Array>;
  close(): Promise<void>;
}

/**
 * The features of images.
 * @param options.count - receives the number of images that were just done
 */
export async function computeFeatures(
  net: FeatureNet,
  images: Uint8Array,
  { signal, count }: { readonly signal: AbortSignal; readonly count: (images: number) => void },
): Promise<Features> {
  const numImages = images.length / imageBytes;
  const values = new Float32Array(numImages * net.width);
  for (let start = 0; start < numImages; start += net.batchSize) {
    signal.throwIfAborted();
    const batch = images.subarray(start * imageBytes, (start + net.batchSize) * imageBytes);
    values.set(await net.run(batch), start * net.width);
    count(batch.length / imageBytes);
  }
  return { count: numImages, width: net.width, values };
}
