import { expect, test } from "vitest";
import { Graph, type Tensor } from "../../../engine/graph/graph.ts";
import { tensorData } from "../../../engine/graph/tensor.ts";
import { onnxruntimeEngine } from "../../../engine/onnxruntime/onnxruntime-engine.ts";
import { sum } from "../../../engine/ops/broadcast.ts";
import { concat } from "../../../engine/ops/concat.ts";
import { conv2d, convTranspose2d } from "../../../engine/ops/conv.ts";
import { add, cast, less, mul, where } from "../../../engine/ops/elementwise.ts";
import { loop } from "../../../engine/ops/loop.ts";
import { matmul } from "../../../engine/ops/matmul.ts";
import { runOnce } from "../../../engine/run-once.ts";
import { errorOf } from "../../support/expect-error.ts";

const graph = new Graph();
const square = graph.input("square", "float32", [2, 2]);
const double = graph.input("double", "float64", [2, 2]);
const images = graph.input("images", "float32", [1, 2, 4, 4]);
const filters = graph.input("filters", "float32", [3, 2, 3, 3]);
const vector = (length: number) => graph.constant(tensorData("float32", [length], new Array(length).fill(1)));
const twice = graph.constant(tensorData("int64", [], [2]));

test.each([
  ["add", () => add(square, double)],
  ["matmul", () => matmul(square, double)],
  ["concat", () => concat([square, double], 0)],
  ["where", () => where(less(square, 0), square, double)],
  ["conv2d", () => conv2d(images, cast(filters, "float64"))],
  ["the bias of conv2d", () => conv2d(images, filters, { bias: cast(vector(3), "float64") })],
  [
    "convTranspose2d",
    () => convTranspose2d(images, cast(filters, "float64"), { stride: 1, padding: 0, outputSize: [6, 6] }),
  ],
])("%s refuses operands of different types", async (_, build) => {
  await errorOf(build, "engine/wrong-shape");
});

test.each([
  ["add", () => add(1, 2)],
  ["where", () => where(less(square, 0), 1, 2)],
])("%s refuses two numbers, which are of no graph", async (_, build) => {
  const { message } = await errorOf(build, "engine/no-operand");
  expect(message).toBe("an operation needs a tensor, got the numbers 1 and 2. Give it one.");
});

test("concat refuses to join nothing", async () => {
  const { message } = await errorOf(() => concat([], 0), "engine/no-operand");
  expect(message).toBe("an operation needs at least one tensor, got none. Give it one.");
});

test("where refuses a condition that is not bool, and conv2d a bias that is not one value per filter", async () => {
  await errorOf(() => where(square, square, square), "engine/wrong-shape");
  await errorOf(() => conv2d(images, filters, { bias: vector(2) }), "engine/wrong-shape");
  expect(conv2d(images, filters, { bias: vector(3) }).shape).toEqual([1, 3, 2, 2]);
});

test.each<[string, (x: Tensor) => readonly Tensor[], string]>([
  ["another shape", (x) => [sum(x)], "must stay float32 [2,2]"],
  ["another type", (x) => [cast(x, "float64")], "float64"],
  ["too few values", () => [], "1, got 0"],
  ["too many values", (x) => [x, x], "1, got 2"],
])("a loop refuses a body that carries %s", async (_, next, seen) => {
  const build = () => loop(twice, 2, [square], (_body, _iteration, [x]) => ({ carried: next(x!), collected: [] }));
  expect((await errorOf(build, "engine/wrong-shape")).message).toContain(seen);
});

test("a loop in a loop may begin with a value of the outer body", async () => {
  const nested = new Graph();
  const w = nested.input("w", "float32", []);
  const count = nested.constant(tensorData("int64", [], [2]));
  const { carried } = loop(count, 2, [w], (_body, _iteration, [x]) => ({
    carried: loop(count, 2, [mul(x!, 10)], (_inner, _turn, [y]) => ({ carried: [add(y!, 1)], collected: [] })).carried,
    collected: [],
  }));
  nested.output("w again", carried[0]!);
  const results = await runOnce(onnxruntimeEngine({ numThreads: 1 }), nested, { w: tensorData("float32", [], [3]) });
  expect(results["w again"]!.data[0]).toBe(322);
});

test("operands of two graphs are refused with the rule that they broke", async () => {
  const { message } = await errorOf(
    () => add(square, new Graph().input("other", "float32", [2, 2])),
    "engine/foreign-tensor",
  );
  expect(message).toContain("Build all operands in one graph");
});
