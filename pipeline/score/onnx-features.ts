import { basename } from "node:path";
import type { InferenceSession } from "onnxruntime-node";
import { Cifar5mError, messageOf } from "../../core/errors.ts";
import { hwcToChw, imageBytes, imageSide } from "../../core/image-layout.ts";
import { requireBoundedLoops } from "../../engine/onnx/onnx-loops.ts";
import { decodeOnnxGraph } from "../../engine/onnx/read-onnx.ts";
import { readWholeFile } from "../../storage/read-file.ts";
import { sha256 } from "../../storage/sha256.ts";
import type { FeatureNet } from "./feature-net.ts";
import { resizeBilinear } from "./resize-bilinear.ts";

/** Number of images per run if the file leaves it open. */
const openBatchSize = 32;

/** Largest batch size and side. Memory is allocated by the sizes that a file asks for. */
const [maxBatchSize, maxSide] = [1024, 2048];

/** The input and output of the file. */
interface Contract {
  readonly input: string;
  readonly output: string;
  readonly dtype: "uint8" | "float32";
  readonly layout: "NCHW" | "NHWC";
  readonly side: number;
  readonly batchSize: number;
  readonly width: number;
}

/**
 * Opens a feature network from elsewhere, such as the Inception network of FID.
 *
 * The file has one input, images [n, 3, S, S] or [n, S, S, 3], uint8 from 0 to 255 or float32 from 0 to 1 (the graph
 * must do any other normalization), and one output [n, d], or one named `features`. Images are enlarged to S × S
 * bilinearly. If the file leaves S open they are passed as they are, 32 × 32.
 * @throws Cifar5mError `features/unreadable`, `features/wrong-input`, `features/wrong-output`; `disk/…`
 */
export async function openOnnxFeatures(path: string, device: string): Promise<FeatureNet> {
  const { createSession, runSession } = await import("../../engine/onnxruntime/session.ts");
  const bytes = await readWholeFile(path);
  const graph = decodeOnnxGraph(bytes);
  if (graph !== undefined) requireBoundedLoops(graph, path);
  let session: InferenceSession;
  try {
    session = await createSession(bytes, { provider: device, numThreads: 0 });
  } catch (thrown) {
    throw unreadable(path, device, thrown);
  }
  const contract = readContract(session, path);
  const { input, output, dtype, batchSize, width } = contract;
  return {
    name: basename(path),
    sha256: sha256(bytes),
    batchSize,
    width,
    run: async (images) => {
      const numImages = images.length / imageBytes;
      const features = new Float32Array(numImages * width);
      for (let start = 0; start < numImages; start += batchSize) {
        const end = Math.min(start + batchSize, numImages);
        const batch = new Uint8Array(batchSize * imageBytes);
        batch.set(images.subarray(start * imageBytes, end * imageBytes));
        const feeds = { [input]: { dtype, ...toInput(batch, contract) } };
        const results = await runSession(session, feeds).catch((thrown: unknown) => {
          throw unreadable(path, device, thrown);
        });
        const result = results[output]!;
        if (result.shape.join() !== [batchSize, width].join()) {
          throw wrongOutput(path, `gave [${result.shape}] for ${batchSize} images`);
        }
        const rows = (result.data as Float32Array).subarray(0, (end - start) * width);
        const bad = rows.find((value) => !Number.isFinite(value));
        if (bad !== undefined) throw wrongOutput(path, `gave ${bad}`);
        features.set(rows, start * width);
      }
      return features;
    },
    close: () => session.release(),
  };
}

function readContract(session: InferenceSession, path: string): Contract {
  const [input, ...otherInputs] = session.inputMetadata;
  const shape = input?.isTensor === true ? input.shape.map(extentOf) : [];
  const type = input?.isTensor === true ? input.type : "none";
  const layout = shape.length !== 4 ? undefined : shape[1] === 3 ? "NCHW" : shape[3] === 3 ? "NHWC" : undefined;
  const [height, width] = layout === "NCHW" ? shape.slice(2) : shape.slice(1, 3);
  const fits = (shape[0] ?? 1) <= maxBatchSize && (height ?? 1) <= maxSide;
  const isImage = layout !== undefined && height === width && fits && (type === "uint8" || type === "float32");
  if (input === undefined || otherInputs.length > 0 || !isImage) {
    const seen = session.inputMetadata.map(describe).join(", ");
    throw new Cifar5mError(
      "features/wrong-input",
      `${path} must take one input, uint8 or float32 images [n, 3, S, S] or [n, S, S, 3], of at most ${maxBatchSize} at once and S at most ${maxSide}, has ${seen}. Export it so.`,
    );
  }
  const outputs = session.outputMetadata;
  const output = outputs.find(({ name }) => name === "features") ?? outputs[0];
  const outputShape = output?.isTensor === true ? output.shape.map(extentOf) : [];
  const isChosen = outputs.length === 1 || output?.name === "features";
  const numFeatures = outputShape[1];
  if (output?.isTensor !== true || !isChosen || outputShape.length !== 2 || output.type !== "float32" || !numFeatures) {
    throw wrongOutput(path, `has ${outputs.map(describe).join(", ")}`);
  }
  return {
    input: input.name,
    output: output.name,
    dtype: type as Contract["dtype"],
    layout,
    side: height ?? imageSide,
    batchSize: shape[0] ?? openBatchSize,
    width: numFeatures,
  };
}

function unreadable(path: string, device: string, thrown: unknown): Cifar5mError {
  const [firstLine] = messageOf(thrown).split("\n", 1);
  return new Cifar5mError(
    "features/unreadable",
    `${path} must be an ONNX file that onnxruntime runs on ${device}: ${firstLine}. Export it again, or use another device.`,
    { cause: thrown },
  );
}

function wrongOutput(path: string, seen: string): Cifar5mError {
  return new Cifar5mError(
    "features/wrong-output",
    `${path} must give float32 [n, d] with a fixed d, as its only output or as one named "features", ${seen}. Export it so.`,
  );
}

/** A fixed dimension, or undefined for one that is left open. */
function extentOf(extent: number | string): number | undefined {
  return typeof extent === "number" && extent > 0 ? extent : undefined;
}

function describe(value: InferenceSession.ValueMetadata): string {
  return value.isTensor ? `${value.name}: ${value.type} [${value.shape.join(", ")}]` : `${value.name}: no tensor`;
}

/** Converts images [B, 32, 32, 3] to the file's input format. */
function toInput(images: Uint8Array, { layout, side, batchSize, dtype }: Contract) {
  const shape = layout === "NCHW" ? [batchSize, 3, side, side] : [batchSize, side, side, 3];
  const numbers = Float32Array.from(layout === "NCHW" ? hwcToChw(images) : images);
  const enlarged =
    side === imageSide
      ? numbers
      : layout === "NCHW"
        ? resizeBilinear(numbers, { count: batchSize * 3, channels: 1, from: imageSide, to: side })
        : resizeBilinear(numbers, { count: batchSize, channels: 3, from: imageSide, to: side });
  const data = dtype === "uint8" ? Uint8Array.from(enlarged, Math.round) : enlarged.map((value) => value / 255);
  return { shape, data };
}
