import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Graph } from "../../engine/graph/graph.ts";
import { writeOnnx } from "../../engine/onnx/write-onnx.ts";
import { mul } from "../../engine/ops/elementwise.ts";
import { reshape } from "../../engine/ops/reshape.ts";
import { slice } from "../../engine/ops/slice.ts";

/** Images per call of the generator. */
const batchSize = 16;

/** Files of models that compute next to nothing: a device that costs nothing. */
export interface FreeModels {
  readonly generator: string;
  readonly labeler: string;
}

/** Writes the models as ONNX files with descriptions, into a folder. */
export async function writeFreeModels(folder: string): Promise<FreeModels> {
  const generator = join(folder, "free-generator.onnx");
  const labeler = join(folder, "free-labeler.onnx");
  await writeModel(generator, freeDenoiser(), {
    model: "generator",
    images: { input: "x", layout: "NCHW", range: [-1, 1] },
    noise: { input: "sigma", schedule: { kind: "sigma" } },
    classes: null,
    output: { name: "y", prediction: "x0" },
  });
  await writeModel(labeler, freeClassifier(), {
    model: "labeler",
    images: { input: "x", layout: "NCHW", range: [-1, 1] },
    output: { name: "logits", kind: "logits" },
  });
  return { generator, labeler };
}

/** Half of what it gets. */
function freeDenoiser(): Graph {
  const graph = new Graph();
  const x = graph.input("x", "float32", [batchSize, 3, 32, 32]);
  graph.input("sigma", "float32", [batchSize]);
  graph.output("y", mul(x, 0.5));
  return graph;
}

/** The first ten pixels. */
function freeClassifier(): Graph {
  const graph = new Graph();
  const x = graph.input("x", "float32", [100, 3, 32, 32]);
  const first = slice(x, [
    { axis: 1, start: 0, end: 1 },
    { axis: 2, start: 0, end: 1 },
    { axis: 3, start: 0, end: 10 },
  ]);
  graph.output("logits", reshape(first, [100, 10]));
  return graph;
}

async function writeModel(path: string, graph: Graph, description: object): Promise<void> {
  await writeFile(path, writeOnnx(graph));
  await writeFile(`${path}.json`, JSON.stringify(description));
}
