import * as ort from "onnxruntime-node";
import { expect, test } from "vitest";
import { Graph } from "../../../engine/graph/graph.ts";
import { tensorData } from "../../../engine/graph/tensor.ts";
import { opsets, readOnnx } from "../../../engine/onnx/read-onnx.ts";
import { spliceOnnx } from "../../../engine/onnx/splice-onnx.ts";
import { writeOnnx } from "../../../engine/onnx/write-onnx.ts";
import { onnxruntimeEngine } from "../../../engine/onnxruntime/onnxruntime-engine.ts";
import { add, mul } from "../../../engine/ops/elementwise.ts";
import { loop } from "../../../engine/ops/loop.ts";
import { tfjsEngine } from "../../../engine/tfjs/tfjs-engine.ts";
import { errorOf } from "../../support/expect-error.ts";
import { floats, integers, makeOnnx, node, port, types } from "../../support/make-onnx.ts";

const attribute = {
  float: (name: string, f: number) => ({ name, type: 1, f }),
  integers: (name: string, ints: readonly number[]) => ({ name, type: 7, ints }),
  integer: (name: string, i: number) => ({ name, type: 2, i }),
  text: (name: string, s: string) => ({ name, type: 3, s: Buffer.from(s) }),
  tensor: (name: string, t: object) => ({ name, type: 4, t }),
  graph: (name: string, g: object) => ({ name, type: 5, g }),
};

/** 2⁶³ − 1, which exporters write for "up to the end". */
const largestInt64 = { low: -1, high: 0x7fffffff, unsigned: false };

const wave = (size: number, step = 0.7) =>
  Float32Array.from({ length: size }, (_, index) => Math.sin(1 + step * index));

/**
 * A model with features that exporters use: a convolution, shapes computed from an open batch size, branches that use
 * outer values, a loop, int8 weights, constants as attributes, missing optional values, and a slice with an open end.
 */
function manyKinds(opset?: number): Uint8Array {
  const branch = (name: string, op: string, right: string) => ({
    name,
    node: [node(`scaled = Mul(${right}, factor)`), node(`branch_out = ${op}(normed, scaled)`)],
    initializer: [floats("factor", [1], [name === "then" ? 2 : 3])],
    output: [port("branch_out", types.float, ["b", "n"])],
  });
  const body = {
    name: "body",
    node: [node("step = Mul(last, normed)"), node("next = Add(carried, step)"), node("kept = Identity(proceed)")],
    input: [port("i", types.int64, []), port("proceed", 9, []), port("carried", types.float, ["b", "n"])],
    output: [port("kept", 9, []), port("next", types.float, ["b", "n"])],
  };
  return makeOnnx(
    {
      node: [
        node("conv = Conv(x, filters, bias)", [attribute.integers("pads", [1, 1, 1, 1])]),
        node("shape = Shape(x)"),
        node("batch = Gather(shape, zero)"),
        node("target = Concat(batch, rest)", [attribute.integer("axis", 0)]),
        node("flat = Reshape(conv, target)"),
        node("cut = Slice(flat, start, end, one)"),
        node("wide = Pad(cut, pads, , one)", [attribute.text("mode", "constant")]),
        node("weights = DequantizeLinear(int8, scale, point)"),
        node("mixed = MatMul(wide, weights)"),
        node("shift = ConstantOfShape(width)", [attribute.tensor("value", floats("", [1], [0.25]))]),
        node("normed = LayerNormalization(mixed, ones, shift)", [attribute.float("epsilon", 1e-3)]),
        node("again = Identity(normed)"),
        node("last = Tanh(normed)"),
        node("large = ReduceMax(normed)", [attribute.integer("keepdims", 0)]),
        node("isLarge = Greater(large, limit)"),
        node("chosen = If(isLarge)", [
          attribute.graph("then_branch", branch("then", "Add", "again")),
          attribute.graph("else_branch", branch("else", "Sub", "again")),
        ]),
        node("y = Loop(count, , chosen)", [attribute.graph("body", body)]),
      ],
      initializer: [
        floats("filters", [2, 3, 3, 3], wave(54)),
        floats("bias", [2], [0.1, -0.2]),
        integers("zero", [1], [0]),
        integers("rest", [1], [-1]),
        integers("start", [1], [3]),
        { ...integers("end", [1], []), int64_data: [largestInt64] },
        integers("one", [1], [1]),
        integers("pads", [2], [0, 3]),
        {
          name: "int8",
          dims: [32, 4],
          data_type: 3,
          raw_data: Uint8Array.from({ length: 128 }, (_, i) => (37 * i) % 256),
        },
        floats("scale", [], [0.01]),
        { name: "point", dims: [], data_type: 3, int32_data: [5] },
        integers("width", [1], [4]),
        { name: "ones", dims: [4], data_type: types.float, float_data: [1, 1.5, 1, 0.5] },
        floats("limit", [], [100]),
        integers("count", [], [3]),
      ],
      input: [port("x", types.float, ["batch", 3, 4, 4])],
      output: [port("y", types.float, ["batch", 4])],
    },
    opset,
  );
}

const input = tensorData("float32", [2, 3, 4, 4], wave(96, 0.31));

async function runAlone(file: Uint8Array): Promise<Float32Array> {
  const session = await ort.InferenceSession.create(file, { graphOptimizationLevel: "disabled", intraOpNumThreads: 1 });
  const { y } = await session.run({ x: new ort.Tensor("float32", input.data as Float32Array, [2, 3, 4, 4]) });
  await session.release();
  return y!.data as Float32Array;
}

/** Two calls of the model side by side, and two calls in a loop that feeds the result back. */
function graphAround(file: Uint8Array): Graph {
  const model = readOnnx(file, "model");
  const graph = new Graph();
  const x = graph.input("x", "float32", [2, 3, 4, 4]);
  const call = spliceOnnx(model);
  const output = { name: "y", dtype: "float32", shape: [2, 4] } as const;
  graph.output("once", call({ inputs: { x }, output }));
  graph.output("sum", add(call({ inputs: { x }, output }), call({ inputs: { x: mul(x, 1) }, output })));
  const count = graph.scalar("int64", 2);
  const start = graph.constant(tensorData("float32", [2, 4], new Array(8).fill(0)));
  const { carried } = loop(count, 2, [start], (_body, _iteration, [total]) => ({
    carried: [add(total!, call({ inputs: { x }, output }))],
    collected: [],
  }));
  graph.output("looped", carried[0]!);
  return graph;
}

const opsetRange = Array.from({ length: opsets.newest - opsets.oldest + 1 }, (_, index) => opsets.oldest + index);

test.each(opsetRange)("a model of opset %i gives the same result within our graphs as alone", async (opset) => {
  const file = manyKinds(opset);
  const alone = await runAlone(file);
  expect(alone.some((value) => Math.abs(value) > 0.1)).toBe(true);
  const executable = await onnxruntimeEngine({ numThreads: 1 }).compile(graphAround(file));
  const { once, sum, looped } = await executable.run({ x: input });
  await executable.release();
  for (const [index, value] of alone.entries()) {
    for (const [result, times] of [
      [once, 1],
      [sum, 2],
      [looped, 2],
    ] as const) {
      const error = Math.abs((result!.data[index] as number) - times * value);
      expect(error).toBeLessThan(1e-5 * Math.max(1, Math.abs(times * value)));
    }
  }
});

test("the tfjs engine refuses models made elsewhere in one line", async () => {
  const engine = await tfjsEngine({ device: "cpu" });
  await expect(engine.compile(graphAround(manyKinds()))).rejects.toMatchObject({
    code: "engine/onnxruntime-only",
    message: expect.not.stringContaining("\n"),
  });
});

test("a graph of two models that need different versions of the operators is refused, with both versions", async () => {
  const graph = new Graph();
  let value = graph.input("x", "float32", [2]);
  for (const opset of [18, 20]) {
    const parts = {
      node: [node("y = Tanh(x)")],
      input: [port("x", types.float, [2])],
      output: [port("y", types.float, [2])],
    };
    const call = spliceOnnx(readOnnx(makeOnnx(parts, opset), `${opset}.onnx`));
    value = call({ inputs: { x: value }, output: { name: "y", dtype: "float32", shape: [2] } });
  }
  graph.output("y", value);
  const { message } = await errorOf(() => writeOnnx(graph), "engine/mixed-opsets");
  expect(message).toBe("a graph holds models of one opset, got 18 and 20. Export them with the same opset_version.");
});
