import { Cifar5mError } from "../core/errors.ts";
import { imageBytes, requireWholeImages } from "../core/image-layout.ts";
import type { Engine, Execution } from "../engine/executor.ts";
import { forEachBatch } from "../engine/for-each-batch.ts";
import { Graph, type Tensor } from "../engine/graph/graph.ts";
import { imagesFromBytes } from "../networks/image-input.ts";

/** A network that computes a row of numbers for each image. */
export interface ImageFunction {
  /** How many images to pass at once for full speed. */
  readonly batchSize: number;
  /** Numbers per row. */
  readonly width: number;
  /**
   * @param images - uint8 [n, 32, 32, 3] flattened, any n
   * @param signal - no further batch begins once it is aborted
   * @returns [n, width] flattened; it does not depend on how images are grouped into calls
   * @throws Cifar5mError `model/wrong-result` for numbers that are not finite; the signal's reason
   */
  run(images: Uint8Array, signal?: AbortSignal): Promise<Float32Array>;
  close(): Promise<void>;
}

export interface ImageFunctionOptions extends Execution {
  /** Images that the graph takes at once; fewer are padded. */
  readonly batchSize: number;
}

/** A graph with input `images`, uint8 [B, 32, 32, 3], and output `rows`, float32 [B, width]. */
export interface ImageGraph {
  readonly graph: Graph;
  /** B. */
  readonly batchSize: number;
  readonly width: number;
}

/**
 * Builds the graph of a function of images.
 * @param build - maps images [B, 3, 32, 32], numbers in [-1, 1], to rows [B, width]
 */
export function imageGraph(batchSize: number, build: (images: Tensor) => Tensor): ImageGraph {
  const graph = new Graph();
  const rows = build(imagesFromBytes(graph.input("images", "uint8", [batchSize, 32, 32, 3])));
  graph.output("rows", rows);
  return { graph, batchSize, width: rows.shape[1]! };
}

/**
 * Compiles the graph of a function of images.
 * @throws Cifar5mError what the engine throws for a graph that it cannot compile
 */
export async function openImageFunction(
  engine: Engine,
  { graph, batchSize, width }: ImageGraph,
): Promise<ImageFunction> {
  const executable = await engine.compile(graph, "throughput");
  const { concurrency } = executable;
  return {
    batchSize: batchSize * concurrency,
    width,
    run: async (bytes, signal) => {
      requireWholeImages(bytes);
      const numImages = bytes.length / imageBytes;
      const result = new Float32Array(numImages * width);
      await forEachBatch({ numItems: numImages, batchSize, concurrency }, async (start, end) => {
        signal?.throwIfAborted();
        const batch = new Uint8Array(batchSize * imageBytes);
        batch.set(bytes.subarray(start * imageBytes, end * imageBytes));
        const { rows: made } = await executable.run({
          images: { dtype: "uint8", shape: [batchSize, 32, 32, 3], data: batch },
        });
        const rows = (made!.data as Float32Array).subarray(0, (end - start) * width);
        const bad = rows.findIndex((value) => !Number.isFinite(value));
        if (bad >= 0) throw notFinite(rows[bad]!, start + Math.floor(bad / width));
        result.set(rows, start * width);
      });
      return result;
    },
    close: () => executable.release(),
  };
}

function notFinite(value: number, image: number): Cifar5mError {
  return new Cifar5mError(
    "model/wrong-result",
    `the labeler must give finite numbers, got ${value} for image ${image} of those it was given. ` +
      "Use other weights, or --precision float32.",
  );
}
