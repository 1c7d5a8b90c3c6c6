import { expect, test } from "vitest";
import { Graph } from "../../../engine/graph/graph.ts";
import { tensorData } from "../../../engine/graph/tensor.ts";
import { onnxruntimeEngine } from "../../../engine/onnxruntime/onnxruntime-engine.ts";
import { add, exp, mul } from "../../../engine/ops/elementwise.ts";
import { constantScope } from "../../../engine/parameters/constant-scope.ts";
import { zerosInitializer } from "../../../engine/parameters/parameters.ts";
import { traceParameters } from "../../../engine/parameters/trace-parameters.ts";
import { tfjsEngine } from "../../../engine/tfjs/tfjs-engine.ts";
import { errorOf } from "../../support/expect-error.ts";

const scalar = (value: number) => tensorData("float32", [], [value]);

test("inputs, constants and outputs may have names like those of the graph's own values", async () => {
  const graph = new Graph();
  const first = graph.input("t0", "float32", []);
  const second = graph.constant(scalar(3), "t1");
  graph.output("t9", exp(mul(add(first, second), graph.constant(scalar(2)))));
  expect(graph.producerOf(first)).toBeUndefined();
  for (const engine of [onnxruntimeEngine({ numThreads: 1 }), await tfjsEngine({ device: "cpu" })]) {
    const executable = await engine.compile(graph);
    const { t9 } = await executable.run({ t0: scalar(-2.5) });
    expect(t9!.data[0]).toBeCloseTo(Math.E, 5);
    await executable.release();
  }
});

test("a name that the graph has is refused for another input, constant or output", async () => {
  const graph = new Graph();
  const x = graph.input("x", "float32", []);
  const { name } = exp(x);
  const w = graph.constant(scalar(1), "w");
  for (const taken of ["x", "w", name]) {
    await errorOf(() => graph.input(taken, "float32", []), "engine/name-taken");
    await errorOf(() => graph.constant(scalar(2), taken), "engine/name-taken");
    await errorOf(() => graph.output(taken, x), "engine/name-taken");
  }
  expect(graph.constant(graph.constants.get("w")!, "w")).toEqual(w);
});

test("two models with parameters of the same names keep their own weights in one graph", async () => {
  const graph = new Graph();
  const weight = (value: number) =>
    constantScope(graph, new Map([["w", scalar(value) as { shape: readonly number[]; data: Float32Array }]])).parameter(
      "w",
      [],
      zerosInitializer,
    );
  graph.output("difference", add(mul(weight(5), 10), weight(7)));
  const executable = await onnxruntimeEngine({ numThreads: 1 }).compile(graph);
  expect((await executable.run({}))["difference"]!.data[0]).toBe(57);
  await executable.release();
});

test("a state cannot have the name of a parameter, whichever comes first", async () => {
  for (const order of ["parameter first", "state first"]) {
    await errorOf(
      () =>
        traceParameters((scope) => {
          if (order === "state first") scope.state("w", [2], 0);
          scope.parameter("w", [2], zerosInitializer);
          scope.state("w", [2], 0);
        }),
      "engine/name-taken",
    );
  }
});
