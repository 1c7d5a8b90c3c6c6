import { imageBytes } from "../../core/image-layout.ts";

/** Some samples. */
export interface Samples<Images extends ImageArray = Uint8Array> {
  /** Shape [B, 32, 32, 3] flattened, or [B, 3, 32, 32] for layout NCHW. */
  readonly images: Images;
  /** Shape [B]. */
  readonly labels: Int32Array;
  /** Sample ids, shape [B]. */
  readonly ids: Float64Array;
}

/** Allocates arrays for samples in the stored format. */
export function allocateSamples(numRows: number): Samples {
  return {
    images: new Uint8Array(numRows * imageBytes),
    labels: new Int32Array(numRows),
    ids: new Float64Array(numRows),
  };
}

/** Images of a batch: Uint8Array or Float32Array. */
export type ImageArray = Uint8Array | Float32Array;
