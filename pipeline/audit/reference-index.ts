import { imageBytes } from "../../core/image-layout.ts";
import { availableThreads } from "../../engine/available-threads.ts";
import { type MirrorBasis, mirrorBasis } from "./mirror-basis.ts";
import { openProjector } from "./project-images.ts";

/** Number of leading functions that distances are bounded by. */
const numFunctions = 256;
const projectionBatch = 250;

/** CIFAR-10 and its projection, in memory that workers share. */
export interface ReferenceIndex {
  readonly basis: MirrorBasis;
  /** Train images come first. */
  readonly numTrain: number;
  readonly numReferences: number;
  /** Uint8, shape [references, 32, 32, 3] flattened. */
  readonly images: Uint8Array<SharedArrayBuffer>;
  /** Shape [references, functions] flattened. */
  readonly coefficients: Float32Array<SharedArrayBuffer>;
  /** Squared norm of each reference around gray. */
  readonly squaredNorms: Float64Array<SharedArrayBuffer>;
  /** Norm of the part of each reference outside the basis. */
  readonly restNorms: Float64Array<SharedArrayBuffer>;
}

/**
 * Projects the images of CIFAR-10.
 * @param train - uint8 [n, 32, 32, 3] flattened
 * @param test - the same; may be empty
 */
export async function buildReferenceIndex(train: Uint8Array, test: Uint8Array): Promise<ReferenceIndex> {
  const basis = mirrorBasis(numFunctions);
  const images = new Uint8Array(new SharedArrayBuffer(train.length + test.length));
  images.set(train);
  images.set(test, train.length);
  const projector = await openProjector(basis, projectionBatch, availableThreads());
  try {
    const { coefficients, squaredNorms, restNorms } = await projector.project(images);
    return {
      basis,
      numTrain: train.length / imageBytes,
      numReferences: images.length / imageBytes,
      images,
      coefficients: shareFloats(coefficients),
      squaredNorms: shareDoubles(squaredNorms),
      restNorms: shareDoubles(restNorms),
    };
  } finally {
    await projector.close();
  }
}

function shareFloats(values: Float32Array): Float32Array<SharedArrayBuffer> {
  const shared = new Float32Array(new SharedArrayBuffer(values.byteLength));
  shared.set(values);
  return shared;
}

function shareDoubles(values: Float64Array): Float64Array<SharedArrayBuffer> {
  const shared = new Float64Array(new SharedArrayBuffer(values.byteLength));
  shared.set(values);
  return shared;
}
