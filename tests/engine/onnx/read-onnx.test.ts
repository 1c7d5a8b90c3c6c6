import fc from "fast-check";
import { expect, test } from "vitest";
import { Cifar5mError } from "../../../core/errors.ts";
import { opsets, readOnnx } from "../../../engine/onnx/read-onnx.ts";
import { errorOf } from "../../support/expect-error.ts";
import { floats, type GraphParts, integers, makeOnnx, node, port, types } from "../../support/make-onnx.ts";

const parts: GraphParts = {
  node: [node("y = Mul(x, w)")],
  initializer: [floats("w", [2], [1, 2])],
  input: [port("x", types.float, ["batch", 2])],
  output: [port("y", types.float, ["batch", 2])],
};

const withWeights = (...initializer: object[]) => makeOnnx({ ...parts, initializer });

test("inputs are those without values in the file, and their open extents have names", () => {
  const { inputs, outputs, opset } = readOnnx(
    makeOnnx({ ...parts, input: [...parts.input, port("w", types.float, [2])] }),
    "model",
  );
  expect(inputs).toEqual([{ name: "x", dtype: "float32", shape: ["batch", 2] }]);
  expect(outputs).toEqual([{ name: "y", dtype: "float32", shape: ["batch", 2] }]);
  expect(opset).toBe(20);
});

test.each<[string, Uint8Array, string, RegExp]>([
  ["no ONNX at all", Buffer.from("PK\x03\x04 a zip file, or whatever else it may be"), "model/not-onnx", /model is no/],
  ["an empty file", new Uint8Array(), "model/not-onnx", /model is no/],
  ["an older opset", makeOnnx(parts, opsets.oldest - 1), "model/unsupported", /opset 18 to 26, got 17/],
  ["a newer opset", makeOnnx(parts, opsets.newest + 1), "model/unsupported", /opset 18 to 26, got 27/],
  [
    "a custom operator",
    makeOnnx({ ...parts, node: [node("y = Fuse(x, w)", [], "com.example")] }),
    "model/unsupported",
    /com\.example\.Fuse/,
  ],
  [
    "a custom operator within a branch",
    makeOnnx({
      ...parts,
      node: [
        node("y = If(x)", [{ name: "then_branch", type: 5, g: { node: [node("z = Fuse(x)", [], "com.example")] } }]),
      ],
    }),
    "model/unsupported",
    /com\.example\.Fuse/,
  ],
  [
    "weights in another file",
    withWeights({
      name: "w",
      dims: [2],
      data_type: 1,
      data_location: 1,
      external_data: [{ key: "location", value: "f" }],
    }),
    "model/external-data",
    /"w" lies in another file/,
  ],
  ["a NaN", withWeights(floats("w", [2], [1, Number.NaN])), "model/not-finite", /"w" .* element 1 of 2 is NaN/],
  [
    "a NaN of half precision",
    withWeights({
      name: "w",
      dims: [2],
      data_type: 10,
      raw_data: new Uint8Array(Uint16Array.of(0x3c00, 0x7e01).buffer),
    }),
    "model/not-finite",
    /element 1 of 2/,
  ],
  ["weights cut short", withWeights(floats("w", [3], [1, 2])), "model/corrupt", /"w" of shape \[3\] .* 3 .* got 2/],
])("%s is refused in one line", async (_, file, code, message) => {
  const error = await errorOf(() => readOnnx(file, "model"), code);
  expect(error.message).toMatch(message);
  expect(error.message).not.toContain("\n");
});

/** A loop within a loop. Each iteration adds 1 to the carried value. */
function withLoops(turns: object, condition = "yes"): Uint8Array {
  const body = (inner: readonly object[]) => ({
    node: [...inner, node("next = Add(carried, one)"), node("go = Identity(going)")],
    input: [port("turn", types.int64, []), port("going", 9, []), port("carried", types.float, [])],
    output: [port("go", 9, []), port("next", types.float, [])],
  });
  const loop = (text: string, inner: readonly object[] = []) => node(text, [{ name: "body", type: 5, g: body(inner) }]);
  return makeOnnx({
    ...parts,
    node: [
      node("yes = Constant()", [{ name: "value", type: 4, t: { dims: [], data_type: 9, int32_data: [1] } }]),
      turns,
      loop(`y = Loop(turns, ${condition}, one)`, [loop("z = Loop(turns, going, one)")]),
    ],
    initializer: [floats("one", [], [1])],
  });
}

const turnsOf = (turns: number) => [
  node("turns = Constant()", [{ name: "value_int", type: 2, i: turns }]),
  node("turns = Constant()", [{ name: "value", type: 4, t: integers("", [], [turns]) }]),
];

test("loops with too many iterations, or with an unknown number of them, are refused", async () => {
  const endless = [node("turns = Identity(x)"), ...turnsOf(1000), ...turnsOf(Number.MAX_SAFE_INTEGER)];
  for (const turns of endless) {
    const { message } = await errorOf(() => readOnnx(withLoops(turns), "model"), "model/unsupported");
    expect(message).toMatch(/must loop a fixed number of times.*"[yz] = Loop/);
  }
  await errorOf(
    () =>
      readOnnx(makeOnnx({ ...parts, node: [node("y = Loop(, yes, x)", [{ name: "body", type: 5, g: {} }])] }), "model"),
    "model/unsupported",
  );
  for (const turns of turnsOf(100)) expect(readOnnx(withLoops(turns), "model").opset).toBe(20);
});

test("a weight with a negative extent is refused", async () => {
  await errorOf(() => readOnnx(withWeights(floats("w", [-1, -2], [1, 2])), "model"), "model/corrupt");
});

test("a file cut off anywhere is refused, unless only metadata is missing", () => {
  const file = makeOnnx(parts);
  const whole = readOnnx(file, "model");
  fc.assert(
    fc.property(fc.integer({ min: 0, max: file.length - 1 }), (length) => {
      try {
        expect(readOnnx(file.subarray(0, length), "model").graph).toEqual(whole.graph);
      } catch (thrown) {
        expect(thrown).toBeInstanceOf(Cifar5mError);
      }
    }),
    { numRuns: 300 },
  );
});

test("a NaN in typed data is found too", async () => {
  const value = { name: "w", dims: [2], data_type: 11, double_data: [Number.NaN, 1] };
  await errorOf(() => readOnnx(withWeights(value), "model"), "model/not-finite");
});
