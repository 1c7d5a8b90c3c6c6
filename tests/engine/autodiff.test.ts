import { expect, test } from "vitest";
import { gradients } from "../../engine/autodiff.ts";
import { Graph, type Tensor } from "../../engine/graph/graph.ts";
import { tensorData } from "../../engine/graph/tensor.ts";
import { onnxruntimeEngine } from "../../engine/onnxruntime/onnxruntime-engine.ts";
import { branch } from "../../engine/ops/branch.ts";
import { add, less, mul, round, stopGradient } from "../../engine/ops/elementwise.ts";
import { loop } from "../../engine/ops/loop.ts";
import { max } from "../../engine/ops/reduce.ts";
import { runOnce } from "../../engine/run-once.ts";
import { errorOf } from "../support/expect-error.ts";

const engine = onnxruntimeEngine({ numThreads: 1 });

const scalar = (value: number) => tensorData("float32", [], [value]);

/** 8w, by three iterations of a loop that carries w. */
const carriedByLoop = (w: Tensor) =>
  loop(w.graph.constant(tensorData("int64", [], [3])), 3, [w], (_body, _iteration, [x]) => ({
    carried: [mul(x!, 2)],
    collected: [],
  })).carried[0]!;

/** 1 + 3w, by a loop whose body uses w from outside. */
const capturedByLoop = (w: Tensor) =>
  loop(w.graph.constant(tensorData("int64", [], [3])), 3, [w.graph.constant(scalar(1))], (_body, _iteration, [x]) => ({
    carried: [add(x!, w)],
    collected: [],
  })).carried[0]!;

const inBranch = (w: Tensor) =>
  branch(
    less(w, 5),
    [w],
    (value) => mul(value!, 2),
    (value) => value!,
  );

async function gradientOf(build: (w: Tensor) => Tensor, at: number): Promise<number> {
  const graph = new Graph();
  const w = graph.input("w", "float32", []);
  graph.output("gradient", gradients(build(w), [w])[0]!);
  const { gradient } = await runOnce(engine, graph, { w: scalar(at) });
  return Number(gradient!.data[0]);
}

test.each([
  ["a value that a loop carries", carriedByLoop, "Loop"],
  ["a value that the body of a loop uses", capturedByLoop, "Loop"],
  ["a value that a branch uses", inBranch, "If"],
  ["a loop whose result is used twice", (w: Tensor) => mul(capturedByLoop(w), carriedByLoop(w)), "Loop"],
])("a gradient through %s is refused, not zero", async (_, build, operation) => {
  const { message } = await errorOf(() => gradientOf(build, 1), "engine/no-gradient");
  expect(message).toContain(operation);
});

test("no gradient flows through stopGradient and round, also around a loop and a branch", async () => {
  const fixed = (w: Tensor) => stopGradient(add(mul(carriedByLoop(w), capturedByLoop(w)), inBranch(w)));
  expect(await gradientOf((w) => add(mul(w, w), mul(fixed(w), 3)), 2)).toBe(4);
  expect(await gradientOf((w) => mul(w, round(w)), 2.2)).toBe(2);
});

test("a loop that does not depend on the parameter has any number of gradients around it", async () => {
  expect(await gradientOf((w) => mul(carriedByLoop(w.graph.constant(scalar(2))), mul(w, w)), 3)).toBe(96);
});

test("gradients inside a branch flow to the values that it uses", async () => {
  const graph = new Graph();
  const w = graph.input("w", "float32", []);
  const slope = branch(
    less(w, 5),
    [w],
    (value) => gradients(mul(value!, value!), [w])[0]!,
    (value) => gradients(mul(value!, 7), [w])[0]!,
  );
  graph.output("slope", slope);
  for (const [at, expected] of [
    [3, 6],
    [6, 7],
  ] as const) {
    expect((await runOnce(engine, graph, { w: scalar(at) }))["slope"]!.data[0]).toBe(expected);
  }
});

test("the largest element can be differentiated twice", async () => {
  const graph = new Graph();
  const x = graph.input("x", "float32", [3]);
  const largest = max(x);
  const [first] = gradients(mul(mul(largest, largest), largest), [x]);
  graph.output("second", gradients(max(first!), [x])[0]!);
  const { second } = await runOnce(engine, graph, { x: tensorData("float32", [3], [1, 4, 2]) });
  // max(x)³ has the slope 3 · 4² at its largest element, whose slope is 6 · 4.
  expect([...second!.data]).toEqual([0, 24, 0]);
});

test("gradients of what is not a single float are refused, with what it is", async () => {
  const graph = new Graph();
  const x = graph.input("x", "float32", [2, 3]);
  for (const [loss, seen] of [
    [x, "float32 of shape [2,3]"],
    [less(graph.constant(scalar(1)), 2), "bool of shape []"],
  ] as const) {
    const { message } = await errorOf(() => gradients(loss, [x]), "engine/not-scalar");
    expect(message).toBe(`only one float can be differentiated, got ${seen}. Take its mean or sum.`);
  }
});
