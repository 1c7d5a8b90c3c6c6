import { BuilderError } from "../core/errors.ts";
import { createEngine } from "../engine/create-engine.ts";
import type { EngineName } from "../engine/executor.ts";
import { forEachBatch } from "../engine/for-each-batch.ts";
import { Graph } from "../engine/graph.ts";
import { constantScope } from "../engine/inference.ts";
import { isDescribedOnnx } from "../engine/onnx-description.ts";
import { add, mul } from "../engine/ops/elementwise.ts";
import { softmax } from "../engine/ops/normalize.ts";
import { slice } from "../engine/ops/shape.ts";
import { readSafetensors } from "../engine/safetensors.ts";
import { imagesFromBytes } from "../networks/image-input.ts";
import { foreignLabelerGraph } from "./foreign-labeler.ts";
import { labelerNetwork } from "./labeler-network.ts";
import { labelerNetworkSchema } from "./options.ts";

/** Gives images their classes. */
export interface Labeler {
  /** Images to ask for at once, for full speed. */
  readonly batchSize: number;
  /**
   * @param images - uint8 [n, 32, 32, 3] flattened, any n
   * @returns probability of each class, [n, 10] flattened; the same for any grouping of the images into calls
   */
  label(images: Uint8Array): Promise<Float32Array>;
  close(): Promise<void>;
}

export interface CreateLabelerOptions {
  /** A safetensors file made by `trainLabeler`, or an ONNX file with its description within. */
  readonly weights: Uint8Array;
  /** Images that the graph takes at once; fewer are padded. */
  readonly batchSize: number;
  readonly engine: EngineName;
  readonly device: string;
}

const imageBytes = 32 * 32 * 3;
const numClasses = 10;

/**
 * A labeller. One that was trained here averages the logits of each image and its mirror image; one that was made
 * elsewhere is asked once.
 * @throws BuilderError `weights/corrupt`, `weights/wrong-architecture`, `model/…`
 */
export async function createLabeler(options: CreateLabelerOptions): Promise<Labeler> {
  const executor = await createEngine(options.engine, { device: options.device });
  const { graph, batchSize } = isDescribedOnnx(options.weights)
    ? await foreignLabelerGraph(options.weights, options.batchSize, executor)
    : { graph: trainedLabelerGraph(options.weights, options.batchSize), batchSize: options.batchSize };
  const executable = await executor.compile(graph, "throughput");
  const { concurrency } = executable;
  return {
    batchSize: batchSize * concurrency,
    label: async (bytes) => {
      const numImages = bytes.length / imageBytes;
      const probabilities = new Float32Array(numImages * numClasses);
      await forEachBatch({ numItems: numImages, batchSize, concurrency }, async (start, end) => {
        const batch = new Uint8Array(batchSize * imageBytes);
        batch.set(bytes.subarray(start * imageBytes, end * imageBytes));
        const result = await executable.run({
          images: { dtype: "uint8", shape: [batchSize, 32, 32, 3], data: batch },
        });
        const rows = result["probabilities"]!.data as Float32Array;
        probabilities.set(rows.subarray(0, (end - start) * numClasses), start * numClasses);
      });
      return probabilities;
    },
    close: () => executable.release(),
  };
}

/** Probabilities of images that are bytes: input `images` [B, 32, 32, 3], output `probabilities` [B, 10]. */
function trainedLabelerGraph(weights: Uint8Array, batchSize: number): Graph {
  const { tensors, metadata } = readSafetensors(weights, "the labeller's weights");
  const network = labelerNetworkSchema.safeParse(parseJson(metadata["network"]));
  if (metadata["model"] !== "labeler" || !network.success) {
    throw new BuilderError(
      "weights/wrong-architecture",
      `the file is of a "${metadata["model"] ?? "unknown"}" model, a labeller is needed. Pass weights made by train labeler.`,
    );
  }
  const graph = new Graph();
  const images = imagesFromBytes(graph.input("images", "uint8", [batchSize, 32, 32, 3]));
  const mirrored = slice(images, [{ axis: 3, start: 31, end: -Infinity, step: -1 }]);
  const logits = [images, mirrored].map((view) => labelerNetwork(constantScope(graph, tensors), view, network.data));
  graph.output("probabilities", softmax(mul(add(logits[0]!, logits[1]!), 0.5)));
  return graph;
}

function parseJson(text: string | undefined): unknown {
  try {
    return JSON.parse(text ?? "");
  } catch {
    return undefined;
  }
}
