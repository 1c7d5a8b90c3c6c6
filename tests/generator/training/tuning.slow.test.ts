import { expect, test } from "vitest";
import { gradients } from "../../../engine/autodiff.ts";
import { Graph, type Tensor } from "../../../engine/graph/graph.ts";
import { type TensorData, tensorData } from "../../../engine/graph/tensor.ts";
import { onnxruntimeEngine } from "../../../engine/onnxruntime/onnxruntime-engine.ts";
import { add, div, mul } from "../../../engine/ops/elementwise.ts";
import { reshape } from "../../../engine/ops/reshape.ts";
import { type RandomKind, Scope } from "../../../engine/parameters/parameters.ts";
import { readSafetensors } from "../../../engine/parameters/safetensors.ts";
import type { Denoiser } from "../../../generator/denoiser.ts";
import { createSampler } from "../../../generator/sampling/create-sampler.ts";
import { samplerSchema } from "../../../generator/sampling/options.ts";
import type { SamplerName } from "../../../generator/sampling/plan-trajectory.ts";
import { consistencyLoss, flowStep, lowerLevel } from "../../../generator/training/consistency-loss.ts";
import { generatorTrainingSchema, tuningSchema } from "../../../generator/training/options.ts";
import { trainGenerator } from "../../../generator/training/train-generator.ts";
import { gapAt, tuneGenerator } from "../../../generator/training/tune-generator.ts";
import { memoryStore } from "../../support/memory-store.ts";
import { randomImages } from "../../support/small-training.ts";

async function evaluate(graph: Graph, feeds: Readonly<Record<string, TensorData>> = {}) {
  const executable = await onnxruntimeEngine({ numThreads: 1 }).compile(graph);
  const results = await executable.run(feeds);
  await executable.release();
  return (name: string) => results[name]!.data as Float32Array;
}

test("the gap shrinks by the same factor from stage to stage, to lastGap", () => {
  const options = { stages: 4, lastGap: 1 / 256 };
  const gaps = [0, 0.2, 0.25, 0.5, 0.75, 0.999].map((progress) => gapAt(progress, options));
  for (const [index, gap] of [1 / 4, 1 / 4, 1 / 16, 1 / 64, 1 / 256, 1 / 256].entries()) {
    expect(gaps[index]).toBeCloseTo(gap, 12);
  }
  expect(gapAt(0, { stages: 1, lastGap: 1 / 256 })).toBeCloseTo(1 / 256, 12);
});

test("the lower level follows the mapping of the paper, and is zero if that is negative", async () => {
  const levels = [0.001, 0.1, 1, 5, 80];
  for (const gap of [1 / 2, 1 / 4, 1 / 256]) {
    const graph = new Graph();
    const sigma = graph.constant(tensorData("float32", [levels.length], levels));
    graph.output("lower", lowerLevel(sigma, graph.constant(tensorData("float32", [], [gap]))));
    const lower = (await evaluate(graph))("lower");
    levels.forEach((level, index) => {
      const expected = Math.max(0, level * (1 - gap * (1 + 8 / (1 + Math.exp(level)))));
      expect(Math.abs(lower[index]! - expected)).toBeLessThan(1e-6 * level);
      expect(lower[index]).toBeLessThan(level);
    });
  }
});

test("for Gaussian data, the teacher's steps follow the exact path with an error proportional to the gap", async () => {
  const [std, start, end] = [0.5, 10, 0.1];
  const exact = (sigma: number) => Math.sqrt(std ** 2 + sigma ** 2);
  const errors: number[] = [];
  for (const steps of [200, 400, 800]) {
    const graph = new Graph();
    const x = graph.input("x", "float32", [1, 1, 1, 1]);
    const sigma = graph.input("sigma", "float32", [1]);
    const lower = graph.input("lower", "float32", [1]);
    const shrink = div(std ** 2, add(mul(sigma, sigma), std ** 2));
    graph.output("next", flowStep(x, mul(x, reshape(shrink, [1, 1, 1, 1])), sigma, lower));
    const executable = await onnxruntimeEngine({ numThreads: 1 }).compile(graph);
    const ratio = (end / start) ** (1 / steps);
    let value = 1;
    for (let step = 0; step < steps; step++) {
      const level = start * ratio ** step;
      const { next } = await executable.run({
        x: tensorData("float32", [1, 1, 1, 1], [value]),
        sigma: tensorData("float32", [1], [level]),
        lower: tensorData("float32", [1], [level * ratio]),
      });
      const found = Number(next!.data[0]);
      // x + (sigma' - sigma) · (x - D(x; sigma)) / sigma
      const denoised = (value * std ** 2) / (std ** 2 + level ** 2);
      expect(Math.abs(found - (value + (ratio - 1) * (value - denoised)))).toBeLessThan(1e-6);
      value = found;
    }
    await executable.release();
    errors.push(Math.abs(value - exact(end) / exact(start)));
  }
  for (const index of [1, 2]) {
    expect(errors[index - 1]! / errors[index]!).toBeGreaterThan(1.8);
    expect(errors[index - 1]! / errors[index]!).toBeLessThan(2.2);
  }
});

/** The loss of D(x; sigma) = p · x, with a different p for each of the two levels. */
function linearLoss(graph: Graph, upper: Tensor, lower: Tensor, teacher?: Denoiser): Tensor {
  const batchSize = 4;
  let numRandoms = 0;
  const random = (_kind: RandomKind, _stream: unknown, shape: readonly number[]) => {
    const size = shape.reduce((product, extent) => product * extent, 1);
    const numbers = Array.from({ length: size }, (_, index) => 0.5 + 0.4 * Math.sin(7 * index + numRandoms));
    numRandoms++;
    return graph.constant(tensorData("float32", shape, numbers));
  };
  const scope = new Scope({ training: true, random } as unknown as ConstructorParameters<typeof Scope>[0]);
  const residents = {
    images: graph.constant({ dtype: "uint8", shape: [batchSize, 32, 32, 3], data: randomImages(batchSize) }),
    classes: graph.constant(tensorData("int64", [batchSize], [0, 1, 2, 3])),
  };
  const step = {
    indices: graph.constant(tensorData("int64", [batchSize], [2, 0, 1, 3])),
    gap: graph.constant(tensorData("float32", [], [1 / 16])),
  };
  const parameters = [upper, lower];
  let numCalls = 0;
  const student: Denoiser = (noisy) => mul(noisy, parameters[numCalls++]!);
  const loss = consistencyLoss({ scope, residents, step }, student, teacher);
  expect(numCalls).toBe(2);
  return loss;
}

test.each([
  ["the data", undefined],
  ["a teacher", (noisy: Tensor) => mul(noisy, 0.3)],
] as const)("with %s as guide, the gradient flows through the upper level only", async (_, teacher) => {
  const scalar = (value: number) => tensorData("float32", [], [value]);
  const differentiated = new Graph();
  const parameter = differentiated.input("p", "float32", []);
  const loss = linearLoss(differentiated, parameter, parameter, teacher);
  differentiated.output("loss", loss);
  differentiated.output("gradient", gradients(loss, [parameter])[0]!);
  const apart = new Graph();
  apart.output("loss", linearLoss(apart, apart.input("p", "float32", []), apart.input("q", "float32", []), teacher));

  const at = await evaluate(differentiated, { p: scalar(0.7) });
  const losses = async (p: number, q: number) => (await evaluate(apart, { p: scalar(p), q: scalar(q) }))("loss")[0]!;
  expect(await losses(0.7, 0.7)).toBeCloseTo(at("loss")[0]!, 4);
  const [gradient, width] = [at("gradient")[0]!, 0.01];
  const partial = ((await losses(0.7 + width, 0.7)) - (await losses(0.7 - width, 0.7))) / (2 * width);
  const total = ((await losses(0.7 + width, 0.7 + width)) - (await losses(0.7 - width, 0.7 - width))) / (2 * width);
  expect(Math.abs(gradient / partial - 1)).toBeLessThan(0.01);
  expect(Math.abs(gradient / total - 1)).toBeGreaterThan(0.5);
});

/** Two kinds of images, one light and one dark gray. */
const grays = [38, 217];
const numImages = 16;
const data = {
  images: Uint8Array.from({ length: numImages * 3072 }, (_, index) => grays[Math.floor(index / 3072) % 2]!),
  labels: new Uint8Array(numImages),
};
const common = { data, seed: 1, engine: "onnxruntime", device: "cpu" } as const;

/** The mean distance, in bytes, of images of one call from the nearer of the two grays. */
async function oneCallError(weights: Uint8Array, name: SamplerName): Promise<number> {
  const options = samplerSchema.parse({ name, steps: 1, conditional: false });
  const sampler = await createSampler({ weights, options, seed: 5, engine: "onnxruntime", device: "cpu" });
  const ids = Array.from({ length: 32 }, (_, id) => id);
  const pixels = await sampler.sample({ ids, classes: ids.map(() => 0) });
  await sampler.close();
  const distances = Array.from(pixels, (value) => Math.min(...grays.map((gray) => Math.abs(value - gray))));
  return distances.reduce((total, distance) => total + distance, 0) / distances.length;
}

test("a tuned network separates the two kinds of images in one call, and its file says how it was tuned", async () => {
  const training = generatorTrainingSchema.parse({
    ...{ channels: 8, multipliers: [1], blocks: 1, patch: 4, attentionResolutions: [], numClasses: 0 },
    ...{ numImages: 16 * 250, batchSize: 16, learningRate: 0.01, emaExponents: [6] },
  });
  const trained = await trainGenerator({ ...common, options: training, store: memoryStore() });
  const before = await oneCallError(trained, "ddim");
  const errors: Record<string, number> = {};
  for (const guidance of [0, 1]) {
    const options = tuningSchema.parse({
      ...{ numImages: 16 * 300, batchSize: 16, learningRate: 0.003, averageExponent: 6 },
      ...{ stages: 2, lastGap: 1 / 16, guidance },
    });
    const tuned = await tuneGenerator({ ...common, initialWeights: trained, options, store: memoryStore() });
    expect(JSON.parse(readSafetensors(tuned, "tuned").metadata["tuned"]!)).toEqual({
      method: "consistency",
      ...(guidance === 0 ? {} : { guidance }),
    });
    errors[String(guidance)] = await oneCallError(tuned, "consistency");
  }
  expect(before).toBeGreaterThan(40);
  for (const error of Object.values(errors)) expect(error).toBeLessThan(0.75 * before);
});

const tiny = { channels: 8, multipliers: [1], blocks: 1, patch: 4, attentionResolutions: [] };

test.each([
  ["a generator without classes", { numClasses: 0, guidance: 3 }, "config/out-of-range"],
  ["an empty interval", { guidance: 3, guidanceMin: 5, guidanceMax: 0.3 }, "config/out-of-range"],
] as const)("guidance is refused for %s", async (_, { numClasses = 10, ...teacher }: Teacher, code) => {
  const training = generatorTrainingSchema.parse({ ...tiny, numClasses, numImages: 4, batchSize: 4 });
  const initialWeights = await trainGenerator({ ...common, options: training, store: memoryStore() });
  const options = tuningSchema.parse({ ...teacher, numImages: 4, batchSize: 4 });
  const refused = tuneGenerator({ ...common, initialWeights, options, store: memoryStore() });
  await expect(refused).rejects.toMatchObject({ code });
});

interface Teacher {
  readonly numClasses?: number;
  readonly guidance: number;
  readonly guidanceMin?: number;
  readonly guidanceMax?: number;
}

test("tuned weights may be tuned further, but teach nobody", async () => {
  const training = generatorTrainingSchema.parse({ ...tiny, numImages: 4, batchSize: 4 });
  const trained = await trainGenerator({ ...common, options: training, store: memoryStore() });
  const tune = (initialWeights: Uint8Array, guidance: number) => {
    const options = tuningSchema.parse({ guidance, numImages: 4, batchSize: 4 });
    return tuneGenerator({ ...common, initialWeights, options, store: memoryStore() });
  };
  const tuned = await tune(await tune(trained, 2), 0);
  await expect(tune(tuned, 2)).rejects.toMatchObject({ code: "weights/wrong-architecture" });
});
