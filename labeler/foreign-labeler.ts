import * as z from "zod";
import { Cifar5mError } from "../core/errors.ts";
import { cifar10ClassNames } from "../core/image-layout.ts";
import type { Engine } from "../engine/executor.ts";
import { Graph, type Tensor } from "../engine/graph/graph.ts";
import { tensorData } from "../engine/graph/tensor.ts";
import { type ExpectedPort, imagesSchema, readDescription, requirePorts } from "../engine/onnx/onnx-description.ts";
import { readOnnx } from "../engine/onnx/read-onnx.ts";
import { spliceOnnx } from "../engine/onnx/splice-onnx.ts";
import { add, cast, div, mul, sub } from "../engine/ops/elementwise.ts";
import { gather } from "../engine/ops/gather.ts";
import { softmax } from "../engine/ops/normalize.ts";
import { transpose } from "../engine/ops/reshape.ts";
import { probeGraph } from "../engine/probe-graph.ts";
import type { ImageGraph } from "./image-function.ts";

const perChannel = z.tuple([z.number(), z.number(), z.number()]);

const labelerImagesSchema = imagesSchema.extend({
  mean: perChannel.default([0, 0, 0]),
  std: perChannel.default([1, 1, 1]).refine((values) => values.every((value) => value > 0), {
    message: "must be above 0",
  }),
});

/** The description of a classifier made elsewhere. docs/models.md explains each key. */
export const foreignLabelerSchema = z.strictObject({
  model: z.literal("labeler"),
  images: z.preprocess(renameDeviation, labelerImagesSchema),
  output: z.strictObject({ name: z.string().min(1), kind: z.enum(["logits", "probabilities"]) }),
  classes: z
    .array(z.string())
    .refine((names) => [...names].sort().join() === [...cifar10ClassNames].sort().join(), {
      message: `must name each of ${cifar10ClassNames.join(", ")} once`,
    })
    .default([...cifar10ClassNames]),
});

type ForeignLabelerOptions = z.infer<typeof foreignLabelerSchema>;

/**
 * A graph that labels images with a classifier made elsewhere. The graph has been run once to check that it works.
 * @param file - an ONNX file that contains its description
 * @param batchSize - images per call, unless the model takes a fixed number
 * @returns the graph; its rows hold the probabilities of the 10 classes
 * @throws Cifar5mError `model/…` if the file is not usable or does not match its description
 */
export async function foreignLabelerGraph(file: Uint8Array, batchSize: number, engine: Engine): Promise<ImageGraph> {
  const model = readOnnx(file, "the labeler");
  const { images, output, classes } = readDescription<ForeignLabelerOptions>(model, foreignLabelerSchema);
  const isPlanar = images.layout === "NCHW";
  const shape: ExpectedPort["shape"] = isPlanar ? ["batch", 3, 32, 32] : ["batch", 32, 32, 3];
  const ports = requirePorts(model, {
    inputs: [{ name: images.input, dtypes: ["float32"], shape }],
    output: { name: output.name, dtypes: ["float32"], shape: ["batch", classes.length] },
  });
  const numImages = ports.batchSize ?? batchSize;
  const graph = new Graph();
  const normalized = normalize(graph.input("images", "uint8", [numImages, 32, 32, 3]), images);
  const result = spliceOnnx(model)({
    inputs: { [images.input]: isPlanar ? transpose(normalized, [0, 3, 1, 2]) : normalized },
    output: { name: output.name, dtype: "float32", shape: [numImages, classes.length] },
  });
  const columns = cifar10ClassNames.map((name) => classes.indexOf(name));
  const ordered = gather(result, graph.constant(tensorData("int64", [columns.length], columns)), 1);
  graph.output("rows", output.kind === "logits" ? softmax(ordered) : ordered);
  const { rows } = await probeGraph(engine, graph, model.label);
  if (output.kind === "probabilities") requireProbabilities(rows!.data.subarray(0, 10) as Float32Array);
  return { graph, batchSize: numImages, width: classes.length };
}

/** Takes `deviation` for `std`, as descriptions of version 0.1 have it. */
function renameDeviation(images: unknown): unknown {
  if (typeof images !== "object" || images === null || !("deviation" in images) || "std" in images) return images;
  const { deviation, ...rest } = images;
  return { ...rest, std: deviation };
}

/** Converts bytes to the numbers that the classifier was trained on, [B, 32, 32, 3]. */
function normalize(bytes: Tensor, { range: [low, high], mean, std }: ForeignLabelerOptions["images"]): Tensor {
  const row = (values: readonly number[]) => bytes.graph.constant(tensorData("float32", [1, 1, 1, 3], values));
  const scaled = add(mul(cast(bytes, "float32"), (high - low) / 255), low);
  return div(sub(scaled, row(mean)), row(std));
}

function requireProbabilities(row: Float32Array): void {
  const total = row.reduce((sum, value) => sum + value, 0);
  if (Math.abs(total - 1) < 1e-3 && row.every((value) => value >= 0)) return;
  throw new Cifar5mError(
    "model/wrong-result",
    `the labeler must give probabilities, as its description says, and its first ones add up to ${total}. Try output.kind "logits".`,
  );
}
