import { Matrix, SingularValueDecomposition } from "ml-matrix";
import { expect, test } from "vitest";
import { fillNormals } from "../../../core/random.ts";
import type { Engine } from "../../../engine/executor.ts";
import { Graph, type Node, type Tensor } from "../../../engine/graph/graph.ts";
import { sizeOf, type TensorData, tensorData } from "../../../engine/graph/tensor.ts";
import { onnxruntimeEngine } from "../../../engine/onnxruntime/onnxruntime-engine.ts";
import { mul, sub } from "../../../engine/ops/elementwise.ts";
import { matmul } from "../../../engine/ops/matmul.ts";
import { type ParameterSpec, totalSize, zerosInitializer } from "../../../engine/parameters/parameters.ts";
import { Rewriter } from "../../../engine/rewrite/rewriter.ts";
import { tfjsEngine } from "../../../engine/tfjs/tfjs-engine.ts";
import { muon, newtonSchulz, orthogonalize } from "../../../engine/training/muon.ts";
import { adamw, type Optimizer, sgd } from "../../../engine/training/optimizers.ts";
import { largestDifference } from "../../support/largest-difference.ts";

const onnxruntime = onnxruntimeEngine({ numThreads: 1 });

function normals(size: number, id: number): Float64Array {
  const values = new Float32Array(size);
  fillNormals({ seed: 3, stream: 1, id }, values);
  return Float64Array.from(values);
}

/** A singular value after five iterations. */
function afterIterations(singularValue: number): number {
  const { a, b, c, iterations } = newtonSchulz;
  let value = singularValue;
  for (let k = 0; k < iterations; k++) value = a * value + b * value ** 3 + c * value ** 5;
  return value;
}

/** U·p(S)·Vᵀ by a singular value decomposition in float64. */
function orthogonalizedBySvd(values: ArrayLike<number>, rows: number, columns: number): number[] {
  const matrix = Matrix.from1DArray(rows, columns, Array.from(values));
  const { leftSingularVectors, diagonal, rightSingularVectors } = new SingularValueDecomposition(matrix, {
    autoTranspose: true,
  });
  const mapped = Matrix.diag(diagonal.map((value) => afterIterations(value / matrix.norm("frobenius"))));
  return leftSingularVectors.mmul(mapped).mmul(rightSingularVectors.transpose()).to1DArray();
}

async function orthogonalizedOn(
  engine: Engine,
  dtype: "float32" | "float64",
  values: ArrayLike<number>,
  shape: [number, number, number],
  roundsProducts = false,
): Promise<ArrayLike<number>> {
  const graph = new Graph();
  graph.output("result", orthogonalize(graph.input("x", dtype, shape), roundsProducts));
  const executable = await engine.compile(graph);
  const { result } = await executable.run({ x: tensorData(dtype, shape, Array.from(values)) });
  await executable.release();
  return result!.data as Float32Array | Float64Array;
}

test.each([
  [5, 5],
  [4, 36],
  [36, 4],
  [1, 7],
])("%i × %i matrices get the singular values that the iterations compute from theirs", async (rows, columns) => {
  const values = normals(2 * rows * columns, rows);
  const size = rows * columns;
  const expected = [0, 1].flatMap((index) =>
    orthogonalizedBySvd(values.subarray(index * size, (index + 1) * size), rows, columns),
  );
  for (const roundsProducts of [false, true]) {
    const found = await orthogonalizedOn(onnxruntime, "float64", values, [2, rows, columns], roundsProducts);
    expect(largestDifference(found, expected)).toBeLessThan(1e-6);
  }
});

test("singular values from 1 to 100 all become 0.7 to 1.2, and the singular vectors stay", async () => {
  const [rows, columns] = [16, 64];
  const { leftSingularVectors: left, rightSingularVectors: right } = new SingularValueDecomposition(
    Matrix.from1DArray(rows, columns, [...normals(rows * columns, 1)]),
    { autoTranspose: true },
  );
  const spread = Matrix.diag(Array.from({ length: rows }, (_, index) => 100 ** (index / (rows - 1))));
  const matrix = left.mmul(spread).mmul(right.transpose());
  const found = await orthogonalizedOn(onnxruntime, "float64", Float64Array.from(matrix.to1DArray()), [
    1,
    rows,
    columns,
  ]);
  const result = Matrix.from1DArray(rows, columns, Array.from(found));
  for (const value of new SingularValueDecomposition(result, { autoTranspose: true }).diagonal) {
    expect(value).toBeGreaterThan(0.65);
    expect(value).toBeLessThan(1.2);
  }
  const inOldVectors = left.transpose().mmul(result).mmul(right);
  for (let row = 0; row < rows; row++) inOldVectors.set(row, row, 0);
  expect(inOldVectors.norm("max")).toBeLessThan(1e-6);
});

test("both engines agree with float64 to 1e-4, for rank-deficient and zero matrices too", async () => {
  const [rows, columns] = [12, 108];
  const values = normals(3 * rows * columns, 9);
  values.copyWithin(columns, 0, 6 * columns);
  values.fill(0, 2 * rows * columns);
  const shape: [number, number, number] = [3, rows, columns];
  const exact = await orthogonalizedOn(onnxruntime, "float64", values, shape);
  const engines = [onnxruntime, await tfjsEngine({ device: "cpu" })];
  for (const engine of engines) {
    expect(largestDifference(await orthogonalizedOn(engine, "float32", values, shape), exact)).toBeLessThan(1e-4);
  }
  expect(Array.from(exact).slice(2 * rows * columns)).toEqual(new Array(rows * columns).fill(0));
});

/** Rounds operands and results of matrix products to the 10 bits of float16 and TF32. */
class RoundedProducts extends Rewriter {
  protected override rewrite(node: Node): boolean {
    if (node.op.name !== "MatMul") return false;
    const [left, right] = node.inputs.map((input) => rounded(this.copyOf(input)));
    this.note(node.outputs[0]!, rounded(matmul(left!, right!)));
    return true;
  }
}

/** Veltkamp's splitting: the leading 11 of 24 digits. */
function rounded(x: Tensor): Tensor {
  const shifted = mul(x, 2 ** 13 + 1);
  return sub(shifted, sub(shifted, x));
}

test.each([
  [64, 144, 2],
  [48, 48, 2],
])("products rounded to 10 bits lose little of small singular values: %i × %i, k^-%i", async (rows, columns, power) => {
  const { leftSingularVectors: left, rightSingularVectors: right } = new SingularValueDecomposition(
    Matrix.from1DArray(rows, columns, [...normals(rows * columns, 1)]),
    { autoTranspose: true },
  );
  const values = Matrix.diag(Array.from({ length: rows }, (_, index) => (index + 1) ** -power));
  const matrix = left.mmul(values).mmul(right.transpose()).to1DArray();
  const exact = Matrix.columnVector(orthogonalizedBySvd(matrix, rows, columns));
  // A CPU does not round products. This graph does, whatever computes it.
  const rounding: Engine = {
    ...onnxruntime,
    compile: (graph) => onnxruntime.compile(new RoundedProducts(graph, new Graph()).run()),
  };
  const errorOf = async (roundsProducts: boolean) => {
    const found = await orthogonalizedOn(rounding, "float32", matrix, [1, rows, columns], roundsProducts);
    return Matrix.columnVector(Array.from(found)).sub(exact).norm("frobenius") / exact.norm("frobenius");
  };
  expect(await errorOf(true)).toBeLessThan(0.03);
  expect(await errorOf(false)).toBeGreaterThan(0.1);
});

const specOf = (name: string, shape: readonly number[], learningRateScale = 1): ParameterSpec => {
  return { name, shape, initializer: zerosInitializer, decay: shape.length > 1, learningRateScale };
};
const specs = [
  specOf("first", [2, 3, 2, 2]),
  specOf("bias", [5]),
  specOf("filters", [4, 3, 2, 2], 0.5),
  specOf("linear", [6, 4]),
  specOf("same size", [4, 3, 2, 2]),
];
const perParameter = (value: (spec: ParameterSpec) => number) =>
  specs.flatMap((spec) => new Array<number>(sizeOf(spec.shape)).fill(value(spec)));

/** Parameters and slots after three steps with random gradients, in float64. */
async function runSteps(optimizer: Optimizer): Promise<{ parameters: number[]; slots: number[][] }> {
  const size = totalSize(specs);
  const graph = new Graph();
  const vector = (name: string) => graph.input(name, "float64", [size]);
  const slotNames = Array.from({ length: optimizer.numSlots }, (_, index) => `slot${index}`);
  const updated = optimizer.update({
    specs,
    parameters: vector("parameters"),
    gradient: vector("gradient"),
    gradientScale: graph.input("gradientScale", "float64", []),
    slots: slotNames.map(vector),
    learningRate: vector("learningRate"),
    decayMask: vector("decayMask"),
    stepNumber: graph.input("stepNumber", "float64", []),
  });
  graph.output("parametersNext", updated.parameters);
  slotNames.forEach((name, index) => {
    graph.output(`${name}Next`, updated.slots[index]!);
  });
  const executable = await onnxruntime.compile(graph);
  const of = (values: ArrayLike<number>) => tensorData("float64", [size], Array.from(values));
  let state: Record<string, TensorData> = { parameters: of(normals(size, 100)) };
  for (const name of slotNames) state[name] = of(new Float64Array(size));
  for (let step = 1; step <= 3; step++) {
    const results = await executable.run({
      ...state,
      gradient: of(normals(size, step)),
      gradientScale: tensorData("float64", [], [0.3]),
      learningRate: of(perParameter((spec) => 0.1 * spec.learningRateScale)),
      decayMask: of(perParameter((spec) => Number(spec.decay))),
      stepNumber: tensorData("float64", [], [step]),
    });
    state = Object.fromEntries(Object.keys(state).map((name) => [name, results[`${name}Next`]!]));
  }
  await executable.release();
  const numbers = (name: string) => Array.from(state[name]!.data as Float64Array);
  return { parameters: numbers("parameters"), slots: slotNames.map(numbers) };
}

test("matrices move by scaled orthogonalized momentum and decay; other parameters move as by their optimizer", async () => {
  const [momentum, weightDecay] = [0.9, 0.05];
  const rest = adamw({ beta1: 0.8, beta2: 0.95, weightDecay });
  const isHidden = ({ name }: ParameterSpec) => name !== "first";
  const found = await runSteps(muon({ isHidden, momentum, weightDecay, rest }));
  const byRest = await runSteps(rest);
  let offset = 0;
  for (const spec of specs) {
    const [start, end] = [offset, offset + sizeOf(spec.shape)];
    offset = end;
    if (spec.name === "first" || spec.name === "bias") {
      expect(largestDifference(found.parameters.slice(start, end), byRest.parameters.slice(start, end))).toBeLessThan(
        1e-12,
      );
      continue;
    }
    const rows = spec.shape[0]!;
    const columns = (end - start) / rows;
    const rate = 0.1 * spec.learningRateScale;
    let weights = Array.from(normals(totalSize(specs), 100).subarray(start, end));
    let velocity = weights.map(() => 0);
    for (let step = 1; step <= 3; step++) {
      const gradient = Array.from(normals(totalSize(specs), step).subarray(start, end), (value) => 0.3 * value);
      velocity = velocity.map((value, index) => momentum * value + gradient[index]!);
      const ahead = velocity.map((value, index) => gradient[index]! + momentum * value);
      const direction = orthogonalizedBySvd(ahead, rows, columns);
      const scale = 0.2 * Math.sqrt(Math.max(rows, columns));
      weights = weights.map((value, index) => value - rate * (scale * direction[index]! + weightDecay * value));
    }
    expect(largestDifference(found.parameters.slice(start, end), weights)).toBeLessThan(1e-6);
    expect(largestDifference(found.slots[0]!.slice(start, end), velocity)).toBeLessThan(1e-12);
  }
});

test("if all parameters are matrices, or none is, only one of the two optimizers is used", async () => {
  const nothing = await runSteps(muon({ isHidden: () => false, rest: sgd() }));
  const plain = await runSteps(sgd());
  expect(nothing.parameters).toEqual(plain.parameters);
  const all = await runSteps(muon({ rest: sgd() }));
  expect(all.parameters).not.toEqual(plain.parameters);
  expect(all.slots).toHaveLength(1);
});
