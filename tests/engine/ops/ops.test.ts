import { beforeAll, describe, expect, test } from "vitest";
import { gradients } from "../../../engine/autodiff.ts";
import type { Engine, Executable } from "../../../engine/executor.ts";
import { Graph, type Tensor } from "../../../engine/graph/graph.ts";
import { type TensorData, tensorData } from "../../../engine/graph/tensor.ts";
import { onnxruntimeEngine } from "../../../engine/onnxruntime/onnxruntime-engine.ts";
import { sum } from "../../../engine/ops/broadcast.ts";
import { add, mul } from "../../../engine/ops/elementwise.ts";
import { tfjsEngine } from "../../../engine/tfjs/tfjs-engine.ts";
import { compositeCases } from "./composite-cases.ts";
import { elementwiseCases } from "./elementwise-cases.ts";
import { imageCases } from "./image-cases.ts";
import { inputValues, type OpCase, type TfTensor, tf, uniforms } from "./op-case.ts";
import { shapeCases } from "./shape-cases.ts";

type Precision = "float32" | "float64";

let tfjs: Engine;
const onnxruntime = onnxruntimeEngine({ numThreads: 1 });

beforeAll(async () => {
  tfjs = await tfjsEngine({ device: "cpu" });
});

describe.each([
  ["elementwise", elementwiseCases],
  ["shape", shapeCases],
  ["image", imageCases],
  ["composite", compositeCases],
])("%s operations", (_kind, cases) => {
  test.each(cases)("$name: both engines, tfjs's own gradient and central differences agree", async (operation) => {
    const inputs = inputValues(operation);
    const graph = buildGraph(operation, "float32");
    const [ours, oracle] = await Promise.all([onnxruntime, tfjs].map((engine) => runOnce(engine, graph, inputs)));
    for (const name of graph.outputs.keys()) compare("engines", oracle![name]!, ours![name]!, 1e-4);
    const reference = referenceOf(operation, inputs, numbers(ours!["value"]!).length);
    compare("value against tfjs", reference.value, ours!["value"]!, 1e-4);
    reference.gradients.forEach((gradient, index) => {
      compare("gradient against tfjs", gradient, ours![`gradient${index}`]!, 1e-4);
    });
    if (operation.stopsGradients === undefined) await expectDifferences(operation, inputs);
  });
});

/** Builds a graph with outputs `value`, `loss` = Σ weight · value, `gradient0…`, and `slope` and `second0…` if needed. */
function buildGraph(operation: OpCase, precision: Precision): Graph {
  const graph = new Graph();
  const inputs = operation.shapes.map((shape, index) => graph.input(`input${index}`, precision, shape));
  const value = operation.build(...inputs);
  const loss = weighted(value, 1000);
  const first = gradients(loss, inputs);
  graph.output("value", value);
  graph.output("loss", loss);
  first.forEach((gradient, index) => {
    graph.output(`gradient${index}`, gradient);
  });
  if (operation.second) {
    const slope = first.map((gradient, index) => weighted(gradient, 2000 + index)).reduce((a, b) => add(a, b));
    graph.output("slope", slope);
    gradients(slope, inputs).forEach((gradient, index) => {
      graph.output(`second${index}`, gradient);
    });
  }
  return graph;
}

function weighted(value: Tensor, id: number): Tensor {
  const size = value.shape.reduce((product, extent) => product * extent, 1);
  return sum(mul(value, value.graph.constant(tensorData(value.dtype, value.shape, [...uniforms(size, id)]))));
}

async function runOnce(engine: Engine, graph: Graph, inputs: readonly Float64Array[]) {
  const executable = await engine.compile(graph);
  const results = await run(executable, graph, inputs);
  await executable.release();
  return results;
}

function run(executable: Executable, { inputs: declared }: Graph, values: readonly Float64Array[]) {
  const feeds = declared.map(({ name, dtype, shape }, index) => [
    name,
    tensorData(dtype, shape, Array.from(values[index]!)),
  ]);
  return executable.run(Object.fromEntries(feeds) as Record<string, TensorData>);
}

/** The value and the gradients of a case, computed by tfjs alone. */
function referenceOf({ reference, shapes }: OpCase, inputs: readonly Float64Array[], size: number) {
  return tf.tidy(() => {
    const tensors = inputs.map((values, index) => tf.tensor(Float32Array.from(values), [...shapes[index]!]));
    const weights = tf.tensor1d(Float32Array.from(uniforms(size, 1000)));
    const loss = (...args: TfTensor[]) => tf.sum(tf.mul(tf.reshape(reference(...args), [-1]), weights));
    const gradient = tf.grads(loss as Parameters<typeof tf.grads>[0])(tensors);
    return {
      value: reference(...tensors).dataSync(),
      gradients: gradient.map((tensor) => tensor.dataSync()),
    };
  });
}

/** Compares central differences of `loss` with the gradients, and those of `slope` with the second derivatives. */
async function expectDifferences(operation: OpCase, inputs: readonly Float64Array[]): Promise<void> {
  const precision = operation.float32Only ? "float32" : "float64";
  const [step, tolerance] = precision === "float64" ? [1e-5, 1e-6] : [2e-2, 1e-3];
  const graph = buildGraph(operation, precision);
  const executable = await onnxruntime.compile(graph);
  const exact = await run(executable, graph, inputs);
  const pairs = operation.second
    ? [
        ["loss", "gradient"],
        ["slope", "second"],
      ]
    : [["loss", "gradient"]];
  const differences = pairs.map(() => inputs.map(({ length }) => new Float64Array(length)));
  for (const [input, values] of inputs.entries()) {
    for (let index = 0; index < values.length; index++) {
      const moved = (by: number) => inputs.with(input, values.with(index, values[index]! + by));
      const above = await run(executable, graph, moved(step));
      const below = await run(executable, graph, moved(-step));
      pairs.forEach(([from], pair) => {
        const change = numbers(above[from!]!)[0]! - numbers(below[from!]!)[0]!;
        differences[pair]![input]![index] = change / (2 * step);
      });
    }
  }
  await executable.release();
  pairs.forEach(([, name], pair) => {
    inputs.forEach((_, input) => {
      const found = exact[`${name}${input}`]!;
      compare(`differences in ${precision}`, differences[pair]![input]!, found, tolerance);
    });
  });
}

function numbers({ data }: TensorData): Float64Array {
  return Float64Array.from(data as Float32Array);
}

/** Expects all elements to agree, relative to the largest element, or to 1 if that is larger. */
function compare(what: string, expected: ArrayLike<number> | TensorData, found: TensorData, tolerance: number): void {
  const left = "dtype" in expected ? numbers(expected) : Float64Array.from(expected);
  const right = numbers(found);
  expect(right.length).toBe(left.length);
  const scale = left.reduce((largest, value) => Math.max(largest, Math.abs(value)), 1);
  const difference =
    left.reduce((largest, value, index) => Math.max(largest, Math.abs(value - right[index]!)), 0) / scale;

  expect(difference, what).toBeLessThan(tolerance);
}
