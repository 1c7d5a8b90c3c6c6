import { expect, test, vi } from "vitest";
import { createEngine } from "../../../engine/create-engine.ts";
import { appendOne, Graph } from "../../../engine/graph/graph.ts";
import { type TensorData, tensorData } from "../../../engine/graph/tensor.ts";
import { onnxruntimeEngine } from "../../../engine/onnxruntime/onnxruntime-engine.ts";
import { expand, sum } from "../../../engine/ops/broadcast.ts";
import { add, mul } from "../../../engine/ops/elementwise.ts";
import { loop } from "../../../engine/ops/loop.ts";
import { tfjsEngine } from "../../../engine/tfjs/tfjs-engine.ts";
import { errorOf } from "../../support/expect-error.ts";
import { tf } from "../ops/op-case.ts";

const packages = ["@tensorflow/tfjs-node-gpu", "@tensorflow/tfjs-node", "@tensorflow/tfjs"];

test("the first package that loads is used, and nothing is printed", async () => {
  const said = (["log", "warn", "error", "info"] as const).map((method) => vi.spyOn(console, method));
  const engine = await tfjsEngine();
  expect(packages).toContain(engine.packageName);
  expect((await createEngine("tfjs", { device: "cpu" })).device).toBe("cpu");
  const graph = new Graph();
  graph.output("sum", add(graph.input("x", "float32", [2]), 1));
  const { sum: result } = await (await engine.compile(graph)).run({ x: tensorData("float32", [2], [1, 2]) });
  expect([...result!.data]).toEqual([2, 3]);
  for (const spy of said) {
    expect(spy).not.toHaveBeenCalled();
    spy.mockRestore();
  }
});

test("a request for a GPU returns one, or says what is missing", async () => {
  try {
    expect((await tfjsEngine({ device: "cuda" })).device).toBe("gpu");
  } catch (error) {
    expect(error).toMatchObject({ code: "engine/device-missing", message: expect.stringContaining("--device cpu") });
  }
  await expect(tfjsEngine({ device: "tpu" })).rejects.toMatchObject({ code: "engine/unknown-device" });
});

test("float64, integers beyond 32 bits, and missing or misshaped inputs are refused by name", async () => {
  const engine = await tfjsEngine({ device: "cpu" });
  const double = new Graph();
  double.output("y", add(double.input("x", "float64", [2]), 1));
  await expect(engine.compile(double)).rejects.toMatchObject({ code: "engine/unsupported-type" });
  const graph = new Graph();
  graph.output("y", add(graph.input("x", "int64", [1]), 1));
  const executable = await engine.compile(graph);
  const large = { dtype: "int64", shape: [1], data: BigInt64Array.of(2n ** 40n) } as const;
  await expect(executable.run({ x: large })).rejects.toMatchObject({ code: "engine/out-of-range" });
  await expect(executable.run({})).rejects.toMatchObject({ code: "engine/missing-input" });
  const misshaped = executable.run({ x: tensorData("int64", [2], [1, 2]) });
  await expect(misshaped).rejects.toMatchObject({ code: "engine/wrong-shape" });
});

test("integers and bytes are returned in the types that the graph declares", async () => {
  const graph = new Graph();
  const bytes = graph.input("bytes", "uint8", [2]);
  graph.output("same", expand(bytes, [2, 2]));
  expect(() => graph.output("bytes", bytes)).toThrowError(expect.objectContaining({ code: "engine/name-taken" }));
  graph.output("sum", add(graph.input("whole", "int64", [2]), 3));
  const feeds = { bytes: tensorData("uint8", [2], [7, 255]), whole: tensorData("int64", [2], [-5, 5]) };
  for (const engine of [await tfjsEngine({ device: "cpu" }), onnxruntimeEngine()]) {
    const results = await (await engine.compile(graph)).run(feeds);
    expect(results["same"]).toEqual(tensorData("uint8", [2, 2], [7, 255, 7, 255]));
    expect(results["sum"]).toEqual(tensorData("int64", [2], [-2, 8]));
  }
});

test("a loop uses outer values, carries and collects as in onnxruntime, and leaves no tensor behind", async () => {
  const graph = new Graph();
  const factor = graph.input("factor", "float32", [2]);
  const start = graph.input("start", "float32", [2]);
  const doubled = mul(factor, 2);
  const result = loop(graph.input("count", "int64", []), 5, [start, factor], (_body, _iteration, [x, same]) => {
    const next = add(mul(x!, doubled), 1);
    return { carried: [next, same!], collected: [sum(next), x!] };
  });
  [...result.carried, ...result.collected].forEach((tensor, index) => {
    graph.output(`result${index}`, tensor);
  });
  graph.output("start again", start);
  const feeds: Record<string, TensorData> = {
    factor: tensorData("float32", [2], [0.5, -1]),
    start: tensorData("float32", [2], [1, 2]),
    count: tensorData("int64", [], [3]),
  };
  const expected = await (await onnxruntimeEngine().compile(graph)).run(feeds);
  const before = tf.memory().numTensors;
  const executable = await (await tfjsEngine({ device: "cpu" })).compile(graph);
  expect(await executable.run(feeds)).toEqual(expected);
  expect(await executable.run(feeds)).toEqual(expected);
  await executable.release();
  expect(tf.memory().numTensors).toBe(before);
});

test("an operator without a kernel is refused by its name when a graph is compiled, and leaves no tensor behind", async () => {
  const graph = new Graph();
  const x = add(graph.input("x", "float32", [2]), 1);
  graph.output("y", appendOne({ name: "Sinh" }, [x], {}, "float32", [2]));
  const engine = await tfjsEngine({ device: "cpu" });
  const before = tf.memory().numTensors;
  const { message } = await errorOf(() => engine.compile(graph), "engine/unknown-operator");
  expect(message).toMatch(/^the tfjs engine has no kernel "Sinh", .*\. Add it in engine\/tfjs\/kernels\.$/);
  expect(tf.memory().numTensors).toBe(before);
});
