import { expect, test } from "vitest";
import type { Executable } from "../../engine/executor.ts";
import { appendOne, Graph } from "../../engine/graph/graph.ts";
import { tensorData } from "../../engine/graph/tensor.ts";
import { onnxruntimeEngine } from "../../engine/onnxruntime/onnxruntime-engine.ts";
import { mul } from "../../engine/ops/elementwise.ts";
import { tfjsEngine } from "../../engine/tfjs/tfjs-engine.ts";
import { errorOf } from "../support/expect-error.ts";
import { tf } from "./ops/op-case.ts";

const kinds: readonly (readonly [string, (graph: Graph) => Promise<Executable>])[] = [
  ["a session", (graph) => onnxruntimeEngine({ numThreads: 2 }).compile(graph)],
  ["a pool of sessions", (graph) => onnxruntimeEngine({ numThreads: 2 }).compile(graph, "throughput")],
  ["tfjs", async (graph) => (await tfjsEngine({ packageName: "@tensorflow/tfjs" })).compile(graph)],
];

/** Inputs whose names an object would sort in another order. */
function exampleGraph(): Graph {
  const graph = new Graph();
  graph.output("double", mul(graph.input("2", "float32", [2]), 2));
  graph.output("triple", mul(graph.input("1", "int64", [1]), 3));
  return graph;
}
const feeds = { 1: tensorData("int64", [1], [7]), 2: tensorData("float32", [2], [1, 2]) };

test.each(kinds)("%s refuses values that do not fit, by the name of the input, and runs on", async (_, compile) => {
  const executable = await compile(exampleGraph());
  const wrong = [
    ["engine/missing-input", undefined],
    ["engine/wrong-shape", tensorData("float32", [3], [1, 2, 3])],
    ["engine/wrong-shape", tensorData("float32", [1, 2], [1, 2])],
    ["engine/wrong-type", tensorData("int64", [2], [1, 2])],
  ] as const;
  for (const [code, value] of wrong) {
    const { message } = await errorOf(() => executable.run({ ...feeds, 2: value } as typeof feeds), code);
    expect(message).toContain('"2"');
  }
  const results = await executable.run(feeds);
  expect([...results["double"]!.data]).toEqual([2, 4]);
  expect([...results["triple"]!.data]).toEqual([21n]);
  await executable.release();
});

test.each(kinds)("%s can be released twice, and does not run afterwards", async (_, compile) => {
  const executable = await compile(exampleGraph());
  await executable.run(feeds);
  await executable.release();
  await executable.release();
  await errorOf(() => executable.run(feeds), "engine/released");
});

test("a graph that onnxruntime cannot compile has the same error in a session and in a pool", async () => {
  const graph = new Graph();
  const x = graph.input("x", "float32", [2]);
  graph.output("y", appendOne({ name: "NoSuchOperator" }, [x], {}, "float32", [2]));
  const engine = onnxruntimeEngine({ numThreads: 2 });
  const alone = await errorOf(() => engine.compile(graph), "engine/compile-failed");
  const pool = await engine.compile(graph, "throughput");
  const run = () => pool.run({ x: tensorData("float32", [2], [1, 2]) });
  const { message } = await errorOf(run, "engine/compile-failed");
  expect(message).toBe(alone.message);
  await pool.release();
});

test("a run on tfjs with a value out of range leaves no tensor behind", async () => {
  const executable = await (await tfjsEngine({ packageName: "@tensorflow/tfjs" })).compile(exampleGraph());
  const before = tf.memory().numTensors;
  const large = { ...feeds, 1: { dtype: "int64", shape: [1], data: BigInt64Array.of(2n ** 40n) } } as const;
  await errorOf(() => executable.run(large), "engine/out-of-range");
  expect(tf.memory().numTensors).toBe(before);
  await executable.release();
});
