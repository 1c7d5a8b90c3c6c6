import { imageBytes } from "../../core/image-layout.ts";
import { Graph } from "../../engine/graph/graph.ts";
import { tensorData } from "../../engine/graph/tensor.ts";
import { onnxruntimeEngine } from "../../engine/onnxruntime/onnxruntime-engine.ts";
import { matmul } from "../../engine/ops/matmul.ts";
import type { MirrorBasis } from "./mirror-basis.ts";

/** Coefficients of images in a basis. */
export interface Projection {
  /** Float32, shape [n, functions] flattened. */
  readonly coefficients: Float32Array;
  /** Squared norm of each image around gray (128), shape [n]. */
  readonly squaredNorms: Float64Array;
  /** Norm of the part of each image outside the basis, shape [n]. */
  readonly restNorms: Float64Array;
}

/** Computes projections. */
export interface Projector {
  /** @param images - uint8 [n, 32, 32, 3] flattened, any n */
  project(images: Uint8Array): Promise<Projection>;
  close(): Promise<void>;
}

/** @param batchSize - number of images that are projected at once */
export async function openProjector(basis: MirrorBasis, batchSize: number, numThreads: number): Promise<Projector> {
  const width = basis.numEven + basis.numOdd;
  const graph = new Graph();
  const images = graph.input("images", "float32", [batchSize, imageBytes]);
  const matrix = graph.constant(tensorData("float32", [imageBytes, width], basis.matrix));
  graph.output("coefficients", matmul(images, matrix));
  const executable = await onnxruntimeEngine({ numThreads }).compile(graph);
  const batch = new Float32Array(batchSize * imageBytes);
  return {
    project: async (bytes) => {
      const numImages = bytes.length / imageBytes;
      const coefficients = new Float32Array(numImages * width);
      const squaredNorms = new Float64Array(numImages);
      for (let start = 0; start < numImages; start += batchSize) {
        const end = Math.min(numImages, start + batchSize);
        center(bytes.subarray(start * imageBytes, end * imageBytes), batch, squaredNorms.subarray(start, end));
        const found = await executable.run({
          images: { dtype: "float32", shape: [batchSize, imageBytes], data: batch },
        });
        const values = found["coefficients"]!.data as Float32Array;
        coefficients.set(values.subarray(0, (end - start) * width), start * width);
      }
      return { coefficients, squaredNorms, restNorms: restNorms(coefficients, squaredNorms, width) };
    },
    close: () => executable.release(),
  };
}

/** Bytes as numbers around 0, for which float32 products stay exact longer. */
function center(bytes: Uint8Array, numbers: Float32Array, squaredNorms: Float64Array): void {
  for (let image = 0; image < squaredNorms.length; image++) {
    let sum = 0;
    for (let index = image * imageBytes; index < (image + 1) * imageBytes; index++) {
      const value = bytes[index]! - 128;
      numbers[index] = value;
      sum += value * value;
    }
    squaredNorms[image] = sum;
  }
}

function restNorms(coefficients: Float32Array, squaredNorms: Float64Array, width: number): Float64Array {
  return squaredNorms.map((squaredNorm, image) => {
    let inside = 0;
    for (let index = image * width; index < (image + 1) * width; index++) inside += coefficients[index]! ** 2;
    return Math.sqrt(Math.max(0, squaredNorm - inside));
  });
}
