import * as fc from "fast-check";
import { expect, test } from "vitest";
import { createEngine } from "../../../engine/create-engine.ts";
import { Graph } from "../../../engine/graph/graph.ts";
import { tensorData } from "../../../engine/graph/tensor.ts";
import { split } from "../../../engine/ops/concat.ts";
import { round } from "../../../engine/ops/elementwise.ts";
import { loop } from "../../../engine/ops/loop.ts";
import { rewriteForWebgpu } from "../../../engine/rewrite/webgpu.ts";
import { normals, operators } from "../graphs.ts";

const size = 64;
const engine = await createEngine("onnxruntime");

function roundGraph(): Graph {
  const graph = new Graph();
  graph.output("y", round(graph.input("x", "float32", [size])));
  return graph;
}

const [plain, rewritten] = await Promise.all(
  [roundGraph(), rewriteForWebgpu(roundGraph())].map((graph) => engine.compile(graph)),
);

async function roundBoth(numbers: readonly number[]) {
  const x = tensorData(
    "float32",
    [size],
    Float32Array.from({ length: size }, (_, index) => numbers[index] ?? 0),
  );
  const results = await Promise.all([plain!.run({ x }), rewritten!.run({ x })]);
  return results.map(({ y }) => Array.from(y!.data as Float32Array));
}

test("sums round every float32 number to the integer that Round gives", async () => {
  const numbers = fc.array(
    fc.oneof(
      fc.float(),
      fc.integer({ min: -600, max: 600 }).map((halves) => halves / 2),
    ),
    {
      maxLength: size,
    },
  );
  await fc.assert(
    fc.asyncProperty(numbers, async (values) => {
      const [expected, made] = await roundBoth(values);
      // Plus and minus zero are one number.
      expect(made!.map((value) => value + 0)).toEqual(expected!.map((value) => value + 0));
    }),
    { numRuns: 300 },
  );
});

test("ties go to the even integer, and numbers without a fraction stay as they are", async () => {
  const edges = [0.5, 1.5, 2.5, -0.5, -1.5, -2.5, 0.49999997, 8388607.5, 8388606.5, -8388607.5, 8388608, 8388609];
  const [expected, made] = await roundBoth([...edges, 16777217, 3e38, -3e38, Infinity, -Infinity, NaN]);
  expect(made!.map((value) => value + 0)).toEqual(expected!.map((value) => value + 0));
  expect(made!.slice(0, 6).map((value) => value + 0)).toEqual([0, 2, 2, 0, -2, -2]);
});

test("rounding inside of a loop is rewritten too", () => {
  const graph = new Graph();
  const numTimes = graph.input("n", "int64", []);
  const x = graph.input("x", "float32", [size]);
  const { carried } = loop(numTimes, 3, [x], (_body, _iteration, [value]) => ({
    carried: [round(value!)],
    collected: [],
  }));
  graph.output("y", carried[0]!);
  expect(operators(graph)).toContain("Round");
  expect(operators(rewriteForWebgpu(graph))).not.toContain("Round");
});

test("a Split into more parts than a shader has buffers becomes slices with the same numbers", async () => {
  const sizes = [3, 1, 7, 2, 5, 11, 4, 9, 22];
  const splitGraph = () => {
    const graph = new Graph();
    const parts = split(graph.input("x", "float32", [2, size]), sizes, 1);
    parts.forEach((part, index) => {
      graph.output(`part${index}`, part);
    });
    return graph;
  };
  expect(operators(rewriteForWebgpu(splitGraph()))).toEqual(sizes.map(() => "Slice"));
  const x = normals([2, size]);
  const results = await Promise.all(
    [splitGraph(), rewriteForWebgpu(splitGraph())].map(async (graph) => (await engine.compile(graph)).run({ x })),
  );
  expect(results[1]).toEqual(results[0]);
});

test("a Split into few parts stays a Split", () => {
  const graph = new Graph();
  split(graph.input("x", "float32", [7]), [1, 1, 1, 1, 1, 1, 1], 0).forEach((part, index) => {
    graph.output(`part${index}`, part);
  });
  expect(operators(rewriteForWebgpu(graph))).toEqual(["Split"]);
});
