import { imageBytes } from "../core/image-layout.ts";

/** Some samples. */
export interface Samples {
  /** uint8, shape [B, 32, 32, 3] flattened. */
  readonly images: Uint8Array;
  /** Shape [B]. */
  readonly labels: Int32Array;
  /** Sample ids, shape [B]. */
  readonly ids: Float64Array;
}

/** What a model eats: this rank's part of a global batch. */
export interface Batch extends Samples {
  readonly epoch: number;
  /** Global batches before this one since the start, over all epochs. */
  readonly step: number;
}

/** Room for some samples; the images are not zeroed, since every byte is to be written. */
export function allocateSamples(numRows: number): Samples {
  return {
    images: new Uint8Array(Buffer.allocUnsafeSlow(numRows * imageBytes).buffer),
    labels: new Int32Array(numRows),
    ids: new Float64Array(numRows),
  };
}

/** The first samples, in the same memory. */
export function firstSamples(samples: Samples, numRows: number): Samples {
  return {
    images: samples.images.subarray(0, numRows * imageBytes),
    labels: samples.labels.subarray(0, numRows),
    ids: samples.ids.subarray(0, numRows),
  };
}
