import { describe, expect, it } from "vitest";
import { createEngine } from "../../../engine/create-engine.ts";
import { Graph, type Tensor } from "../../../engine/graph/graph.ts";
import { tensorData } from "../../../engine/graph/tensor.ts";
import { conv2d } from "../../../engine/ops/conv.ts";
import { add, mul, sqrt, sub } from "../../../engine/ops/elementwise.ts";
import { loop } from "../../../engine/ops/loop.ts";
import { matmul } from "../../../engine/ops/matmul.ts";
import { mean } from "../../../engine/ops/reduce.ts";
import { zerosInitializer } from "../../../engine/parameters/parameters.ts";
import { rewriteMixedPrecision } from "../../../engine/rewrite/mixed-precision.ts";
import { adamw, type Optimizer, sgd } from "../../../engine/training/optimizers.ts";
import { type StepInputs, Trainer } from "../../../engine/training/trainer.ts";
import { buildTrainingProgram } from "../../../engine/training/training-program.ts";
import type { TrainingState } from "../../../engine/training/training-state.ts";
import { largestDifference } from "../../support/largest-difference.ts";
import { graphOf, normals, operators } from "../graphs.ts";

const float32 = await createEngine("onnxruntime");
const mixed = await createEngine("onnxruntime", { precision: "mixed" });

async function valuesOf(graph: Graph, feeds: Parameters<Awaited<ReturnType<typeof mixed.compile>>["run"]>[0]) {
  const results: Float32Array[] = [];
  for (const engine of [float32, mixed]) {
    const executable = await engine.compile(graph);
    const { y } = await executable.run(feeds);
    results.push(y!.data as Float32Array);
    await executable.release();
  }
  return results as [Float32Array, Float32Array];
}

/** Integers that float16 represents exactly, and so are their products. */
const smallIntegers = (shape: readonly number[]) => {
  const { data } = normals(shape);
  return tensorData(
    "float32",
    shape,
    Float32Array.from(data as Float32Array, (value) => Math.round(value)),
  );
};

/** A training that fits w to minimize loss(mean((w − 3)²), weight), where a matrix product computes w. */
function lineFit(loss: (squares: Tensor, weight: Tensor) => Tensor, optimizer: Optimizer = sgd()) {
  const program = buildTrainingProgram({
    residents: {},
    step: { weight: { dtype: "float32", shape: [] } },
    optimizer,
    stepsPerCall: 1,
    scalesLoss: true,
    loss: ({ scope, step }) => {
      const w = scope.parameter("w", [1, 1], zerosInitializer);
      const ones = w.graph.constant(tensorData("float32", [8, 1], new Array(8).fill(1)));
      const error = sub(matmul(ones, w), 3);
      return loss(mean(mul(error, error)), step["weight"]!);
    },
  });
  return { program, residents: {}, seed: 0 };
}

function stateOf(w: number, lossScale: readonly number[]): TrainingState {
  const [parameters, average] = [Float32Array.of(w), Float32Array.of(w)];
  return { step: 0, vectors: { parameters, average, lossScale: Float32Array.from(lossScale) } };
}

function step(learningRate: number, weight = 1): StepInputs {
  return { learningRate, emaDecay: 0, values: { weight: Float32Array.of(weight) } };
}

describe("mixed precision", () => {
  it("computes convolutions and products in float16, also in loop bodies, and returns float32", async () => {
    const { graph, feeds } = graphOf([2, 4, 8, 8], (x) => {
      const outer = x.graph.constant(normals([4, 4, 3, 3], 0.1));
      const count = x.graph.constant(tensorData("int64", [], [2]));
      return loop(count, 2, [x], (body, _iteration, [images]) => {
        const inner = body.constant(normals([8, 8], 0.3));
        return { carried: [add(matmul(conv2d(images!, outer, { padding: 1 }), inner), images!)], collected: [] };
      }).carried[0]!;
    });
    const types = (from: Graph): string[] =>
      from.nodes.flatMap(({ op, outputs, attributes }) => [
        ...(op.name === "Conv" || op.name === "MatMul" ? [`${op.name} ${outputs[0]!.dtype}`] : []),
        ...Object.values(attributes).flatMap((value) => (value instanceof Graph ? types(value) : [])),
      ]);
    expect(types(rewriteMixedPrecision(graph)).sort()).toEqual(["Conv float16", "MatMul float16"]);
    const [exact, half] = await valuesOf(graph, feeds);
    const error = largestDifference(exact, half) / Math.max(...exact.map(Math.abs));
    expect(error).toBeGreaterThan(0);
    expect(error).toBeLessThan(5e-3);
  });

  it("is exact where float16 is", async () => {
    const { graph } = graphOf([2, 3, 6, 6], (x) => {
      const images = conv2d(x, x.graph.constant(smallIntegers([5, 3, 3, 3])), {
        padding: 1,
        bias: x.graph.constant(smallIntegers([5])),
      });
      return mul(images, 3);
    });
    const [exact, half] = await valuesOf(graph, { x: smallIntegers([2, 3, 6, 6]) });
    expect(half).toEqual(exact);
  });

  it("casts a value that several products share only once", () => {
    const { graph } = graphOf([4, 4], (x) => add(matmul(x, x), matmul(x, matmul(x, x))));
    const names = operators(rewriteMixedPrecision(graph));
    // One cast of x to float16, and one cast of each of the two summands back.
    expect(names.filter((name) => name === "Cast")).toHaveLength(3);
  });

  // On a CPU, onnxruntime computes float16 in float32, which does not overflow. So these tests use numbers near the limit
  // of float32.
  it("moves by Adam's first step after steps that were skipped", async () => {
    const { program } = lineFit(mul, adamw());
    const trainer = await Trainer.create({ program, residents: {}, seed: 0, engine: float32 });
    // Of 10 steps 9 overflow: 2¹⁶ · 1e37 is beyond float32, and 2⁷ · 1e37 · |slope| too.
    for (let skipped = 0; skipped < 9; skipped++) await trainer.advance([step(0.5, 1e37)]);
    expect([...trainer.state.vectors["lossScale"]!]).toEqual([2 ** 7, 0, 9]);
    expect([...trainer.state.vectors["parameters"]!]).toEqual([0]);
    await trainer.advance([step(0.5)]);
    // Adam's first step has the length of the learning rate.
    expect(trainer.state.vectors["parameters"]![0]).toBeCloseTo(0.5, 5);
    await trainer.release();
  });

  it("goes on from checkpoints of releases that did not count skipped steps", async () => {
    const trainer = await Trainer.create({ ...lineFit(mul), engine: float32, state: stateOf(3, [8, 7]) });
    expect([...trainer.state.vectors["lossScale"]!]).toEqual([8, 7, 0]);
    await trainer.release();
  });

  it("skips steps whose gradient overflows, and halves the scale until the gradient is finite", async () => {
    const fit = lineFit(mul);
    const trainer = await Trainer.create({ ...fit, engine: float32, state: stateOf(1, [2 ** 24, 7]) });
    const large = step(0.25e-32, 1e32);
    await trainer.advance([large]);
    expect([...trainer.state.vectors["lossScale"]!]).toEqual([2 ** 23, 0, 1]);
    expect([...trainer.state.vectors["parameters"]!]).toEqual([1]);
    expect([...trainer.state.vectors["average"]!]).toEqual([1]);
    for (let more = 0; more < 20; more++) await trainer.advance([large]);
    const [scale, age] = trainer.state.vectors["lossScale"]!;
    expect(scale).toBe(2 ** 19);
    expect(age).toBe(20 - 4);
    expect(trainer.state.vectors["parameters"]![0]).toBeCloseTo(3, 3);
    await trainer.release();
  });

  it("doubles the scale after 2,000 steps without overflow", async () => {
    const trainer = await Trainer.create({ ...lineFit(mul), engine: float32, state: stateOf(3, [8, 1997]) });
    const seen: number[][] = [];
    for (let call = 0; call < 4; call++) {
      await trainer.advance([step(0)]);
      seen.push([...trainer.state.vectors["lossScale"]!]);
    }
    expect(seen).toEqual([
      [8, 1998, 0],
      [8, 1999, 0],
      [16, 0, 0],
      [16, 1, 0],
    ]);
    await trainer.release();
  });

  it("stops if gradients are not finite at any scale, and keeps the state", async () => {
    // The slope of a square root at 0 is infinite.
    const fit = lineFit((squares) => sqrt(squares));
    const trainer = await Trainer.create({ ...fit, engine: float32, state: stateOf(3, [2 ** -14, 0]) });
    const before = trainer.state;
    await expect(trainer.advance([step(0.25)])).rejects.toMatchObject({
      code: "train/diverged",
      message: expect.stringContaining("at any loss scale"),
    });
    expect(trainer.state).toBe(before);
    await trainer.release();
  });

  it("is refused by the engine that has no float16", async () => {
    await expect(createEngine("tfjs", { precision: "mixed" })).rejects.toMatchObject({ code: "engine/no-float16" });
  });
});
