import { expect, test } from "vitest";
import type { Engine } from "../../../engine/executor.ts";
import { Graph, type Tensor } from "../../../engine/graph/graph.ts";
import { tensorData } from "../../../engine/graph/tensor.ts";
import { onnxruntimeEngine } from "../../../engine/onnxruntime/onnxruntime-engine.ts";
import { branch } from "../../../engine/ops/branch.ts";
import { conv2d } from "../../../engine/ops/conv.ts";
import { add, greater, mul } from "../../../engine/ops/elementwise.ts";
import { gather } from "../../../engine/ops/gather.ts";
import { loop } from "../../../engine/ops/loop.ts";
import { unflattenParameters } from "../../../engine/parameters/parameters.ts";
import { readSafetensors, writeSafetensors } from "../../../engine/parameters/safetensors.ts";
import { rewriteHwnc } from "../../../engine/rewrite/hwnc.ts";
import { tfjsEngine } from "../../../engine/tfjs/tfjs-engine.ts";
import { initialState } from "../../../engine/training/training-state.ts";
import type { Denoiser } from "../../../generator/denoiser.ts";
import { generatorNetworkSchema } from "../../../generator/network-options.ts";
import { joinWeaker, readGenerator } from "../../../generator/read-generator.ts";
import { createSampler } from "../../../generator/sampling/create-sampler.ts";
import { createDenoiserSampler } from "../../../generator/sampling/denoiser-sampler.ts";
import { samplerSchema } from "../../../generator/sampling/options.ts";
import { planTrajectory } from "../../../generator/sampling/plan-trajectory.ts";
import { requireSamplerOptions } from "../../../generator/sampling/sampler-options.ts";
import { generatorProgram } from "../../../generator/training/train-generator.ts";
import { normals, operators } from "../../engine/graphs.ts";
import { smallGenerator } from "../../support/small-training.ts";

const oneThread = onnxruntimeEngine({ numThreads: 1 });
const engines: readonly (readonly [string, () => Engine | Promise<Engine>])[] = [
  ["onnxruntime", () => oneThread],
  ["tfjs", () => tfjsEngine({ device: "cpu" })],
];

test.each(engines)(
  "a branch in a loop takes the side that the condition of each iteration selects, on %s",
  async (_, open) => {
    const graph = new Graph();
    const asked = graph.input("asked", "float32", [5]);
    const factor = graph.input("factor", "float32", [2]);
    const { carried } = loop(graph.input("count", "int64", []), 5, [factor], (_body, iteration, [x]) => {
      const isAsked = greater(gather(asked, iteration), 0.5);
      const next = branch(
        isAsked,
        [x!, factor],
        (value, twice) => mul(add(value!, 1), twice!),
        (value) => value!,
      );
      return { carried: [next], collected: [] };
    });
    graph.output("end", carried[0]!);
    const executable = await (await open()).compile(graph);
    for (const choices of [
      [1, 0, 1, 1, 0],
      [0, 0, 0, 0, 0],
    ]) {
      const { end } = await executable.run({
        asked: tensorData("float32", [5], choices),
        factor: tensorData("float32", [2], [2, -1]),
        count: tensorData("int64", [], [5]),
      });
      const expected = [2, -1].map((start) => choices.reduce((x, isAsked) => (isAsked ? (x + 1) * start : x), start));
      expect([...end!.data]).toEqual(expected);
    }
    await executable.release();
  },
);

test("rewriting a graph keeps the convolutions of a branch in the branch, in Winograd's form", async () => {
  const graph = new Graph();
  const x = graph.input("x", "float32", [4, 32, 8, 8]);
  const filters = normals([32, 32, 3, 3], 0.05);
  const filter = (images: Tensor) => conv2d(images, images.graph.constant(filters), { padding: 1 });
  const isAsked = greater(graph.input("asked", "float32", []), 0.5);
  graph.output(
    "y",
    branch(
      isAsked,
      [x],
      (images) => filter(images!),
      (images) => images!,
    ),
  );
  const rewritten = rewriteHwnc(graph);
  expect(operators(rewritten)).not.toContain("Conv");
  expect(rewritten.nodes.map(({ op }) => op.name)).not.toContain("MatMul");
  const direct = new Graph();
  direct.output("y", filter(direct.input("x", "float32", [4, 32, 8, 8])));
  const images = normals([4, 32, 8, 8]);
  const expected = (await (await oneThread.compile(direct)).run({ x: images }))["y"]!.data;
  const run = async (asked: number) =>
    (await (await oneThread.compile(graph)).run({ x: images, asked: tensorData("float32", [], [asked]) }))["y"]!.data;
  const taken = Array.from(
    (await run(1)) as Float32Array,
    (value, index) => value - (expected as Float32Array)[index]!,
  );
  expect(Math.max(...taken.map(Math.abs))).toBeLessThan(1e-4);
  expect(await run(0)).toEqual(images.data);
});

/** Denoisers that return a gray image, moved a tenth of the way toward the noisy images. */
const toward =
  (gray: number): Denoiser =>
  (noisy, _sigma, classes) =>
    add(mul(noisy, 0.1), classes === undefined ? 0.9 * gray - 0.3 : 0.9 * gray);

/** The mean byte of an image sampled with guidance at some noise levels, computed step by step. */
function expectedByte(options: ReturnType<typeof samplerSchema.parse>, start: number, guideGray: number): number {
  const { calls } = planTrajectory(options);
  let x = start;
  let before = 0;
  for (const { sigma, next } of calls) {
    const denoised = 0.1 * x + 0.45;
    const guide = 0.1 * x + guideGray;
    const isGuided = sigma >= options.guidanceMin && sigma <= options.guidanceMax + 1e-9;
    const result = isGuided ? guide + options.guidance * (denoised - guide) : denoised;
    x = (next.x ?? 0) * x + (next.denoised0 ?? 0) * result + (next.denoised1 ?? 0) * before;
    before = result;
  }
  return Math.round(127.5 * (x + 1));
}

test.each([
  { guidanceMin: 0, guidanceMax: 1000, guided: 6 },
  { guidanceMin: 0.1, guidanceMax: 5, guided: 2 },
  { guidanceMin: 0, guidanceMax: 0.05, guided: 1 },
  { guidanceMin: 20, guidanceMax: 80, guided: 2 },
])("guidance applies only from $guidanceMin to $guidanceMax, and only there takes a second call", async (given) => {
  const { guided, ...interval } = given;
  for (const guide of ["unconditional", "weaker"] as const) {
    const options = samplerSchema.parse({ steps: 6, guidance: 1.4, guide, batchSize: 1, ...interval });
    const sampler = await createDenoiserSampler({
      ...{ denoiser: toward(0.5), weaker: toward(0.2), numClasses: 10, seed: 1 },
      ...{ options, engine: oneThread },
    });
    expect(sampler.nfe).toBe(6 + guided);
    const pixels = await sampler.sample({ ids: [0], classes: [0] });
    await sampler.close();
    // The initial noise differs from pixel to pixel. Its factor in the linear map remains at the end.
    const found = pixels.reduce((total, value) => total + value, 0) / pixels.length;
    const expected = expectedByte(options, 0, guide === "weaker" ? 0.18 : 0.15);
    expect(Math.abs(found - expected)).toBeLessThan(1);
  }
});

function weightsOf(seed: number, network = smallGenerator): Uint8Array {
  const program = generatorProgram(network, 16);
  const values = initialState(program, seed).vectors["parameters"]!.map((value, index) =>
    value === 0 ? 0.05 * Math.sin(index + seed) : value,
  );
  const metadata = {
    model: "generator",
    network: JSON.stringify(generatorNetworkSchema.parse(pickNetwork(network))),
    images: String(1000 * seed),
  };
  return writeSafetensors({ tensors: unflattenParameters(program.parameters, values), metadata }, "F16");
}

function pickNetwork(options: typeof smallGenerator) {
  const keys = Object.keys(generatorNetworkSchema.shape) as (keyof typeof generatorNetworkSchema.shape)[];
  return Object.fromEntries(keys.map((key) => [key, options[key]]));
}

test("the file of a generator can hold a weaker model, which guides if the options say so", async () => {
  const [strong, weak] = [weightsOf(5), weightsOf(6)];
  const joined = joinWeaker(strong, weak);
  const { tensors, weaker } = readGenerator(joined);
  expect(tensors).toEqual(readGenerator(strong).tensors);
  expect(weaker).toEqual(readGenerator(weak).tensors);
  // Joining again replaces the weaker model.
  expect(readGenerator(joinWeaker(joined, strong)).weaker).toEqual(readGenerator(strong).tensors);
  const sample = async (weights: Uint8Array, given: object) => {
    const options = samplerSchema.parse({ steps: 3, batchSize: 2, ...given });
    const sampler = await createSampler({ weights, options, seed: 1, engine: "onnxruntime", device: "cpu" });
    const images = await sampler.sample({ ids: [3, 4], classes: [3, 4] });
    await sampler.close();
    return images;
  };
  const plain = await sample(strong, {});
  expect(await sample(joined, {})).toEqual(plain);
  const guided = await sample(joined, { guidance: 2, guide: "weaker" });
  expect(guided).not.toEqual(plain);
  expect(guided).not.toEqual(await sample(joined, { guidance: 2 }));
  // A model that is guided by itself gives the plain images, whatever the weight is.
  const bySame = await sample(joinWeaker(strong, strong), { guidance: 3, guide: "weaker" });
  expect(Math.max(...bySame.map((value, index) => Math.abs(value - plain[index]!)))).toBeLessThanOrEqual(1);
  // Autoguidance works without classes.
  expect(await sample(joined, { guidance: 2, guide: "weaker", conditional: false })).toHaveLength(2 * 3072);
  await expect(sample(strong, { guidance: 2, guide: "weaker" })).rejects.toMatchObject({
    code: "config/out-of-range",
    message: expect.stringContaining("--guide FILE"),
  });
});

test("a guide of another architecture is refused", () => {
  const other = weightsOf(6, { ...smallGenerator, blocks: 2 });
  expect(() => joinWeaker(weightsOf(5), other)).toThrow(
    /must have the architecture of the generator, .*"blocks":1.*, got .*"blocks":2/,
  );
});

test("tuned weights are refused beside a guide or as one, and the message says which of the two is tuned", () => {
  const plain = weightsOf(5);
  const { tensors, metadata } = readSafetensors(plain, "weights");
  const tuned = writeSafetensors({ tensors, metadata: { ...metadata, tuned: "consistency" } }, "F16");
  expect(() => joinWeaker(plain, tuned)).toThrow(/^the guide must not be tuned/);
  expect(() => joinWeaker(tuned, plain)).toThrow(/^the generator of a guide must not be tuned/);
});

test.each([
  [{ guidance: 2, guidanceMin: 3, guidanceMax: 2 }, /guidanceMin must be at most guidanceMax = 2, got 3/],
  [{ guidance: 2, guidanceMin: 90 }, /must have a noise level between them, got 90 and 1000; the levels are 80.0, /],
  [{ guidance: 2, conditional: false }, /guidance must be 1 where sampler.conditional is false/],
  [{ guide: "weaker" }, /guidance must be another number than 1 where sampler.guide is weaker, got 1/],
])("%o is refused with an explanation", (given, message) => {
  expect(() => requireSamplerOptions(samplerSchema.parse(given))).toThrow(message);
});
