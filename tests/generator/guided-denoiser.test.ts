import { expect, test } from "vitest";
import type { Engine } from "../../engine/executor.ts";
import { Graph } from "../../engine/graph/graph.ts";
import { tensorData } from "../../engine/graph/tensor.ts";
import { onnxruntimeEngine } from "../../engine/onnxruntime/onnxruntime-engine.ts";
import { greater } from "../../engine/ops/elementwise.ts";
import { unflattenParameters } from "../../engine/parameters/parameters.ts";
import { tfjsEngine } from "../../engine/tfjs/tfjs-engine.ts";
import { initialState } from "../../engine/training/training-state.ts";
import {
  type Denoiser,
  denoiserGuidedWhere,
  denoiserGuidedWithin,
  guidedDenoiser,
  trainedDenoiser,
} from "../../generator/denoiser.ts";
import { generatorProgram } from "../../generator/training/train-generator.ts";
import { normals } from "../engine/graphs.ts";
import { largestDifference } from "../support/largest-difference.ts";
import { smallGenerator } from "../support/small-training.ts";

const feeds = {
  noisy: normals([2, 3, 32, 32]),
  sigma: tensorData("float32", [2], [0.4, 1.5]),
  classes: tensorData("int64", [2], [3, 7]),
};

function denoiserOf(seed: number, network: typeof smallGenerator): Denoiser {
  const program = generatorProgram(network, 16);
  const values = initialState(program, seed).vectors["parameters"]!.map((value, index) =>
    value === 0 ? 0.05 * Math.sin(index + seed) : value,
  );
  return trainedDenoiser(unflattenParameters(program.parameters, values), network);
}

/** What a denoiser makes of the feeds. */
async function denoise(engine: Engine, build: (graph: Graph) => Denoiser): Promise<number[]> {
  const graph = new Graph();
  const noisy = graph.input("noisy", "float32", feeds.noisy.shape);
  const sigma = graph.input("sigma", "float32", feeds.sigma.shape);
  graph.output("clean", build(graph)(noisy, sigma, graph.input("classes", "int64", feeds.classes.shape)));
  const executable = await engine.compile(graph);
  const { clean } = await executable.run(feeds);
  await executable.release();
  return [...(clean!.data as Float32Array)];
}

test.each([
  ["groups", "onnxruntime"],
  ["groups", "tfjs"],
  ["magnitudes", "onnxruntime"],
  ["magnitudes", "tfjs"],
] as const)("a model with %s and its weaker guide each keep their own weights, on %s", async (normalization, name) => {
  const engine = name === "tfjs" ? await tfjsEngine({ device: "cpu" }) : onnxruntimeEngine({ numThreads: 1 });
  const network = { ...smallGenerator, normalization };
  const [model, guide] = [denoiserOf(5, network), denoiserOf(6, network)];
  const plain = await denoise(engine, () => model);
  const weak = await denoise(engine, () => guide);
  const expected = plain.map((value, index) => 2 * value - weak[index]!);
  expect(largestDifference(plain, expected)).toBeGreaterThan(0.01);
  expect(largestDifference(await denoise(engine, () => guidedDenoiser(model, 2, guide)), expected)).toBeLessThan(1e-4);
  const always = (graph: Graph) => greater(graph.constant(tensorData("float32", [], [1])), 0);
  const inBranch = await denoise(engine, (graph) => denoiserGuidedWhere(always(graph), model, 2, guide));
  expect(largestDifference(inBranch, expected)).toBeLessThan(1e-4);
});

test("of a batch, the images are guided whose noise level is in the interval, its ends included", async () => {
  const engine = onnxruntimeEngine({ numThreads: 1 });
  const model = denoiserOf(5, smallGenerator);
  const [plain, all] = [await denoise(engine, () => model), await denoise(engine, () => guidedDenoiser(model, 20))];
  expect(largestDifference(plain, all)).toBeGreaterThan(0.01);
  const size = plain.length / 2;
  // The levels are 0.4 and 1.5.
  for (const [min, max, isFirst, isSecond] of [
    [0, 1000, true, true],
    [0.1, 1.4, true, false],
    [0.5, 1.5, false, true],
    [2, 1000, false, false],
  ] as const) {
    const found = await denoise(engine, () => denoiserGuidedWithin({ min, max }, model, 20));
    const expected = [...(isFirst ? all : plain).slice(0, size), ...(isSecond ? all : plain).slice(size)];
    expect(largestDifference(found, expected)).toBeLessThan(1e-4);
  }
});
