import { expect, test } from "vitest";
import { fillNormals, randomStreams } from "../../../core/random.ts";
import { gradients } from "../../../engine/autodiff.ts";
import { Graph, type Tensor } from "../../../engine/graph/graph.ts";
import { sizeOf, type TensorData, tensorData } from "../../../engine/graph/tensor.ts";
import { onnxruntimeEngine } from "../../../engine/onnxruntime/onnxruntime-engine.ts";
import { averagePool } from "../../../engine/ops/pool.ts";
import { reshape } from "../../../engine/ops/reshape.ts";
import { slice } from "../../../engine/ops/slice.ts";
import { initialParameters, type ParameterSpec, Scope } from "../../../engine/parameters/parameters.ts";
import { readSafetensors } from "../../../engine/parameters/safetensors.ts";
import { createSampler } from "../../../generator/sampling/create-sampler.ts";
import { samplerSchema } from "../../../generator/sampling/options.ts";
import { adversarialLevels, adversarialLoss, discriminatorName } from "../../../generator/training/adversarial-loss.ts";
import { adversarialSchema, generatorTrainingSchema, tuningSchema } from "../../../generator/training/options.ts";
import { trainGenerator } from "../../../generator/training/train-generator.ts";
import { tuneAdversarially } from "../../../generator/training/tune-adversarially.ts";
import { tuneGenerator } from "../../../generator/training/tune-generator.ts";
import { memoryStore } from "../../support/memory-store.ts";
import { randomImages } from "../../support/small-training.ts";

const batchSize = 4;
const network = generatorTrainingSchema.parse({
  ...{ channels: 8, multipliers: [1], blocks: 1, patch: 4, attentionResolutions: [] },
});
/** Small maps of the pixels themselves, and their first ten numbers as logits. */
function classifier(images: Tensor) {
  const map = averagePool(images, 8);
  const numbers = reshape(map, [map.shape[0]!, -1]);
  return { maps: [map], logits: slice(numbers, [{ axis: 1, start: 0, end: 10 }]) };
}

/** A number from 0.1 to 0.9 that depends on an index. */
const numberAt = (index: number) => 0.5 + 0.4 * Math.sin(7 * index);

/** The loss, as a function of all parameters of generator and discriminator, and its gradient. */
async function openLoss(steps: number, { classWeight = 0 } = {}) {
  const graph = new Graph();
  const specs: ParameterSpec[] = [];
  const inputs: Tensor[] = [];
  let numRandoms = 0;
  const scope = new Scope({
    training: true,
    parameter: (spec) => {
      const input = graph.input(spec.name, "float32", spec.shape);
      specs.push(spec);
      inputs.push(input);
      return input;
    },
    random: (kind, _stream, shape) => {
      const shift = 100 * numRandoms++;
      const numbers = Array.from({ length: sizeOf(shape) }, (_, index) => numberAt(index + shift));
      return graph.constant(
        tensorData("float32", shape, kind === "uniform" ? numbers : numbers.map((value) => 4 * value - 2)),
      );
    },
    state: () => expect.fail("neither network has states"),
    setState: () => expect.fail("neither network has states"),
  });
  const residents = {
    images: graph.constant({ dtype: "uint8", shape: [batchSize, 32, 32, 3], data: randomImages(batchSize) }),
    classes: graph.constant(tensorData("int64", [batchSize], [0, 1, 2, 3])),
  };
  const step = { indices: graph.constant(tensorData("int64", [batchSize], [2, 0, 1, 3])) };
  const options = adversarialSchema.parse({ steps, discriminatorChannels: 3, translation: 2, classWeight });
  const recognized: Tensor[] = [];
  const loss = adversarialLoss(
    { scope, residents, step },
    {
      ...{ network, options },
      classifier: (images) => {
        const outputs = classifier(images);
        recognized.push(outputs.logits);
        return outputs;
      },
    },
  );
  graph.output("loss", loss);
  graph.output("logits of made images", recognized[0]!);
  gradients(loss, inputs).forEach((gradient, index) => {
    graph.output(`gradient ${specs[index]!.name}`, gradient);
  });
  const executable = await onnxruntimeEngine({ numThreads: 1 }).compile(graph);
  const run = async (values: ReadonlyMap<string, Float32Array>) => {
    const feeds: Record<string, TensorData> = {};
    for (const { name, shape } of specs) feeds[name] = { dtype: "float32", shape, data: values.get(name)! };
    const results = await executable.run(feeds);
    return (name: string) => results[name]!.data as Float32Array;
  };
  return { specs, run };
}

/** Starting values of all parameters. */
function valuesOf(specs: readonly ParameterSpec[]): Map<string, Float32Array> {
  const flat = initialParameters(specs, 3);
  const values = new Map<string, Float32Array>();
  let offset = 0;
  for (const { name, shape } of specs) {
    const data = flat.slice(offset, offset + sizeOf(shape));
    // Gains of zero would hide the network; small logits lie within the margin of the hinge.
    if (name.endsWith("gain")) data.fill(name.startsWith(discriminatorName) ? 0.2 : 0.5);
    values.set(name, data);
    offset += data.length;
  }
  return values;
}

const width = 1e-3;

/** Parameters moved a little forth and back along random directions, and the slope along them that gradients promise. */
function moveAlongRandomDirections(values: ReadonlyMap<string, Float32Array>, chosen: readonly ParameterSpec[]) {
  const moved = [new Map(values), new Map(values)] as const;
  const directions = new Map<string, Float32Array>();
  for (const [index, { name, shape }] of chosen.entries()) {
    const direction = new Float32Array(sizeOf(shape));
    fillNormals({ seed: 1, stream: randomStreams.weights, id: index }, direction);
    directions.set(name, direction);
    for (const [side, map] of moved.entries()) {
      const step = side === 0 ? width : -width;
      map.set(
        name,
        values.get(name)!.map((value, at) => value + step * direction[at]!),
      );
    }
  }
  const slopeOf = (found: (name: string) => Float32Array) =>
    [...directions].reduce(
      (sum, [name, direction]) =>
        sum + direction.reduce((part, value, at) => part + value * found(`gradient ${name}`)[at]!, 0),
      0,
    );
  return { moved, slopeOf };
}

test.each([
  ["the discriminator gets the gradient of its own loss", true, 2, 1],
  // Of two calls, the second takes the result of the first as it is.
  ["the generator gets the opposite gradient while its images lie within the margin", false, 1, -1],
] as const)("%s", async (_, isOfDiscriminator, steps, sign) => {
  const { specs, run } = await openLoss(steps);
  const values = valuesOf(specs);
  const found = await run(values);
  const chosen = specs.filter(({ name }) => name.startsWith(discriminatorName) === isOfDiscriminator);
  expect(chosen.length).toBeGreaterThan(3);
  const { moved, slopeOf } = moveAlongRandomDirections(values, chosen);
  const slope = slopeOf(found);
  const [more, less] = [(await run(moved[0]))("loss")[0]!, (await run(moved[1]))("loss")[0]!];
  expect(Math.abs(slope)).toBeGreaterThan(1e-3);
  expect((more - less) / (2 * width) / slope).toBeCloseTo(sign, 1);
});

test("the generator learns to show the class, by a cross-entropy that the discriminator does not see", async () => {
  const [without, withClasses] = [await openLoss(1), await openLoss(1, { classWeight: 2 })];
  const values = valuesOf(without.specs);
  const [before, after] = [await without.run(values), await withClasses.run(values)];
  expect(after("loss")).toEqual(before("loss"));
  const { specs } = without;
  for (const { name } of specs.filter((spec) => spec.name.startsWith(discriminatorName))) {
    expect(after(`gradient ${name}`), name).toEqual(before(`gradient ${name}`));
  }
  const chosen = specs.filter(({ name }) => !name.startsWith(discriminatorName));
  const { moved, slopeOf } = moveAlongRandomDirections(values, chosen);
  const losses: number[] = [];
  for (const parameters of moved)
    losses.push(smoothedCrossEntropy((await without.run(parameters))("logits of made images")));
  const slope = slopeOf(after) - slopeOf(before);
  expect(Math.abs(slope)).toBeGreaterThan(1e-3);
  expect((2 * (losses[0]! - losses[1]!)) / (2 * width) / slope).toBeCloseTo(1, 1);
});

/** Of logits, [4, 10], and the classes 2, 0, 1 and 3, in float64, with a tenth of the probability spread over all. */
function smoothedCrossEntropy(logits: Float32Array): number {
  const total = [2, 0, 1, 3].reduce((sum, label, row) => {
    const own = [...logits.subarray(row * 10, row * 10 + 10)];
    const norm = Math.log(own.reduce((part, value) => part + Math.exp(value), 0));
    return sum + own.reduce((part, value, at) => part + (0.01 + (at === label ? 0.9 : 0)) * (norm - value), 0);
  }, 0);
  return total / 4;
}

test("the levels are those of the sampler with the same options", () => {
  const levels = adversarialLevels(adversarialSchema.parse({}));
  expect(levels).toEqual([expect.closeTo(10, 9), expect.closeTo(0.8, 9)]);
  expect(adversarialLevels(adversarialSchema.parse({ steps: 1 }))).toEqual([expect.closeTo(10, 9)]);
  const impossible = adversarialSchema.parse({ sigmaMin: 11 });
  expect(() => adversarialLevels(impossible)).toThrow(expect.objectContaining({ code: "config/out-of-range" }));
});

/** Two kinds of images, one light and one dark gray, each with its class. */
const grays = [38, 217];
const numImages = 16;
const data = {
  images: Uint8Array.from({ length: numImages * 3072 }, (_, index) => grays[Math.floor(index / 3072) % 2]!),
  labels: Uint8Array.from({ length: numImages }, (_, index) => index % 2),
};
const common = { data, seed: 1, engine: "onnxruntime", device: "cpu" } as const;

/** The mean distance, in bytes, of images from the gray of their class. */
async function errorOf(weights: Uint8Array): Promise<number> {
  const options = samplerSchema.parse({ name: "consistency", steps: 2, sigmaMin: 0.8, sigmaMax: 10 });
  const sampler = await createSampler({ weights, options, seed: 5, engine: "onnxruntime", device: "cpu" });
  const ids = Array.from({ length: 32 }, (_, id) => id);
  const pixels = await sampler.sample({ ids, classes: ids.map((id) => id % 2) });
  await sampler.close();
  const total = pixels.reduce((sum, value, index) => sum + Math.abs(value - grays[Math.floor(index / 3072) % 2]!), 0);
  return total / pixels.length;
}

test("a discriminator brings images of two calls closer to the data of their class, and its file does not hold the discriminator", async () => {
  const training = { ...network, numImages: 16 * 100, batchSize: 16, learningRate: 0.01, emaExponents: [6] };
  const trained = await trainGenerator({ ...common, options: training, store: memoryStore() });
  const tuning = tuningSchema.parse({ numImages: 16 * 50, batchSize: 16, learningRate: 0.003, averageExponent: 6 });
  const tuned = await tuneGenerator({ ...common, initialWeights: trained, options: tuning, store: memoryStore() });
  const options = adversarialSchema.parse({
    ...{ numImages: 16 * 200, batchSize: 16, learningRate: 0.003, averageExponent: 6, discriminatorChannels: 16 },
  });
  const adversarial = await tuneAdversarially({
    ...{ ...common, initialWeights: tuned, options, store: memoryStore() },
    classifier: { network: classifier, id: "pixels" },
  });
  const [before, after] = [tuned, adversarial].map((file) => readSafetensors(file, "weights"));
  expect(JSON.parse(after!.metadata["tuned"]!)).toEqual({
    method: "adversarial",
    steps: 2,
    sigmaMin: 0.8,
    sigmaMax: 10,
  });
  expect([...after!.tensors.keys()]).toEqual([...before!.tensors.keys()]);
  const [errorBefore, errorAfter] = [await errorOf(tuned), await errorOf(adversarial)];
  expect(errorBefore).toBeGreaterThan(10);
  expect(errorAfter).toBeLessThan(0.6 * errorBefore);
});
