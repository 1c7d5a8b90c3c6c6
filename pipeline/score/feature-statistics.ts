import { Cifar5mError } from "../../core/errors.ts";
import { compileMatmul } from "./compile-matmul.ts";
import type { Features } from "./features.ts";

/** The Gaussian with the mean and covariance of some feature vectors. */
export interface FeatureStatistics {
  readonly count: number;
  readonly width: number;
  /** Shape [width]. */
  readonly mean: Float64Array;
  /** Unbiased, shape [width, width] flattened. */
  readonly covariance: Float64Array;
}

/** Number of vectors that are multiplied at once, at most. */
const maxBlockSize = 2048;

/** @throws Cifar5mError `score/too-few-images` unless there are more images than features; as `computeFeatureStatistics` */
export function requireEnoughImages(count: number, width: number, name: string): void {
  if (count > width) return;
  throw new Cifar5mError(
    "score/too-few-images",
    `the covariance of ${width} features needs more than ${width} images, got ${count} of ${name}. Score more images.`,
  );
}

/**
 * Mean and covariance, in float64.
 * @param name - name of the images, for the error
 * @throws Cifar5mError `score/too-few-images` unless there are more vectors than numbers in one. Otherwise the
 *   covariance would be singular, and the distance would tell more about the count than about the images
 */
export async function computeFeatureStatistics(features: Features, name: string): Promise<FeatureStatistics> {
  const { count, width, values } = features;
  requireEnoughImages(count, width, name);
  const mean = new Float64Array(width);
  for (let index = 0; index < count * width; index++) mean[index % width]! += values[index]! / count;
  const blockSize = Math.min(maxBlockSize, count);
  const covariance = new Float64Array(width * width);
  const product = await compileMatmul("float64", { rows: width, columns: width, inner: blockSize });
  try {
    for (let start = 0; start < count; start += blockSize) {
      // Transposed. The missing vectors of a short block stay zero, as if they were at the mean.
      const centered = new Float64Array(width * blockSize);
      const end = Math.min(start + blockSize, count);
      for (let row = start; row < end; row++) {
        for (let column = 0; column < width; column++) {
          centered[column * blockSize + row - start] = values[row * width + column]! - mean[column]!;
        }
      }
      const part = await product.run(centered, centered);
      for (let index = 0; index < part.length; index++) covariance[index]! += part[index]! / (count - 1);
    }
  } finally {
    await product.close();
  }
  return { count, width, mean, covariance };
}
