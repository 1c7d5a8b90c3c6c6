import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { gradients } from "../../../engine/autodiff.ts";
import { createEngine } from "../../../engine/create-engine.ts";
import { Graph, type Tensor } from "../../../engine/graph/graph.ts";
import type { TensorData } from "../../../engine/graph/tensor.ts";
import { ModelProto } from "../../../engine/onnx/onnx-schema.ts";
import { writeOnnx } from "../../../engine/onnx/write-onnx.ts";
import { loadOnnxruntime } from "../../../engine/onnxruntime/load-onnxruntime.ts";
import { sum } from "../../../engine/ops/broadcast.ts";
import { mul } from "../../../engine/ops/elementwise.ts";
import { transpose } from "../../../engine/ops/reshape.ts";
import { toHwnc, toNchw } from "../../../engine/rewrite/layout-change.ts";
import { normals } from "../graphs.ts";

const changes = [
  { name: "toHwnc", change: toHwnc, order: [2, 3, 0, 1] },
  { name: "toNchw", change: toNchw, order: [2, 3, 0, 1] },
];
const shape = [3, 5, 4, 2];

/** What the test reads of an ONNX file. */
interface Optimized {
  readonly graph: {
    readonly node: readonly {
      readonly op_type: string;
      readonly attribute: readonly { readonly name: string; readonly ints?: readonly number[] }[];
    }[];
  };
}

/** A graph with a change of layout of `x`, and the gradient for `x` of its product with `factors`. */
function graphOf(change: (x: Tensor) => Tensor): Graph {
  const graph = new Graph();
  const x = graph.input("x", "float32", shape);
  const changed = change(x);
  const factors = graph.input("factors", "float32", changed.shape);
  graph.output("changed", changed);
  graph.output("gradient", gradients(sum(mul(changed, factors)), [x])[0]!);
  return graph;
}

async function run(graph: Graph, feeds: Readonly<Record<string, TensorData>>) {
  const executable = await (await createEngine("onnxruntime", { device: "cpu" })).compile(graph);
  try {
    return await executable.run(feeds);
  } finally {
    await executable.release();
  }
}

test.each(changes)("$name moves values and gradients like a transpose of four axes", async ({ change, order }) => {
  const plain = graphOf((x) => transpose(x, order));
  const feeds = { x: normals(shape), factors: normals(plain.outputs.get("changed")!.shape, 2) };
  expect(await run(graphOf(change), feeds)).toEqual(await run(plain, feeds));
});

test.each(changes)("onnxruntime leaves the transposes of $name matrices", async ({ change }) => {
  const folder = await mkdtemp(join(tmpdir(), "cifar5m-layout-"));
  try {
    const optimizedModelFilePath = join(folder, "optimized.onnx");
    const { InferenceSession } = await loadOnnxruntime();
    const session = await InferenceSession.create(writeOnnx(graphOf(change)), {
      graphOptimizationLevel: "all",
      logSeverityLevel: 4,
      optimizedModelFilePath,
    });
    await session.release();
    const optimized = ModelProto.toObject(ModelProto.decode(await readFile(optimizedModelFilePath)), { longs: Number });
    const transposes = (optimized as Optimized).graph.node.filter(({ op_type }) => op_type === "Transpose");
    const orders = transposes.map(({ attribute }) => attribute.find(({ name }) => name === "perm")?.ints);
    expect(orders).toEqual([
      [1, 0],
      [1, 0],
    ]);
  } finally {
    await rm(folder, { recursive: true });
  }
});
