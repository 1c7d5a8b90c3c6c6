import { expect, test } from "vitest";
import { Graph } from "../../../engine/graph/graph.ts";
import { writeOnnx } from "../../../engine/onnx/write-onnx.ts";
import { loop } from "../../../engine/ops/loop.ts";

/** The system gives memory to the pages that are touched only, and nobody touches these. */
const tooLarge = { dtype: "uint8", shape: [2 ** 31], data: new Uint8Array(2 ** 31) } as const;

test("a model with constants beyond 2 GiB is refused, also where a loop's body holds them", () => {
  const flat = new Graph();
  flat.output("y", flat.constant(tooLarge));
  expect(() => writeOnnx(flat)).toThrow("must stay below 2 GiB, got 2147483648 bytes");

  const nested = new Graph();
  const { carried } = loop(nested.scalar("int64", 3), 3, [nested.input("x", "uint8", [2 ** 31])], (body) => ({
    carried: [body.constant(tooLarge)],
    collected: [],
  }));
  nested.output("y", carried[0]!);
  expect(() => writeOnnx(nested)).toThrow("must stay below 2 GiB");
});

test("a constant that no output needs does not count", () => {
  const graph = new Graph();
  graph.constant(tooLarge);
  graph.output("y", graph.input("x", "float32", [2]));
  expect(writeOnnx(graph).length).toBeLessThan(1000);
});
