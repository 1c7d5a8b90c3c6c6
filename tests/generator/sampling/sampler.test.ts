import type { Worker } from "node:worker_threads";
import { expect, test } from "vitest";
import type { Engine } from "../../../engine/executor.ts";
import type { Tensor } from "../../../engine/graph/graph.ts";
import { tensorData } from "../../../engine/graph/tensor.ts";
import { onnxruntimeEngine } from "../../../engine/onnxruntime/onnxruntime-engine.ts";
import { add, cast, mul } from "../../../engine/ops/elementwise.ts";
import { reshape } from "../../../engine/ops/reshape.ts";
import { unflattenParameters } from "../../../engine/parameters/parameters.ts";
import { writeSafetensors } from "../../../engine/parameters/safetensors.ts";
import { tfjsEngine } from "../../../engine/tfjs/tfjs-engine.ts";
import { initialState } from "../../../engine/training/training-state.ts";
import { trainedDenoiser } from "../../../generator/denoiser.ts";
import { generatorNetworkSchema } from "../../../generator/network-options.ts";
import { readGenerator } from "../../../generator/read-generator.ts";
import { createSampler } from "../../../generator/sampling/create-sampler.ts";
import { createDenoiserSampler, type Sampler } from "../../../generator/sampling/denoiser-sampler.ts";
import { samplerSchema } from "../../../generator/sampling/options.ts";
import { smallGenerator, smallGeneratorTraining } from "../../support/small-training.ts";

/** Weights of a generator. No weight is zero, so that the images depend on all of them. */
function randomWeights(): Uint8Array {
  const { program, seed } = smallGeneratorTraining();
  const values = initialState(program, seed).vectors["parameters"]!.map((value, index) =>
    value === 0 ? 0.05 * Math.sin(index) : value,
  );
  const { channels, multipliers, blocks, attentionResolutions, patch, numClasses } = smallGenerator;
  const network = generatorNetworkSchema.parse({
    channels,
    multipliers,
    blocks,
    attentionResolutions,
    patch,
    numClasses,
  });
  const metadata = { model: "generator", network: JSON.stringify(network) };
  return writeSafetensors({ tensors: unflattenParameters(program.parameters, values), metadata }, "F16");
}

const weights = randomWeights();
const seed = 3;
const oneThread = onnxruntimeEngine({ numThreads: 1 });

/** A sampler of the small network. */
function openSampler(given: object, engine: Engine = oneThread, ownSeed = seed): Promise<Sampler> {
  const { tensors, network } = readGenerator(weights);
  return createDenoiserSampler({
    denoiser: trainedDenoiser(tensors, network),
    numClasses: network.numClasses,
    options: samplerSchema.parse(given),
    seed: ownSeed,
    engine,
  });
}

async function drawWith(opened: Promise<Sampler>, ids: readonly number[]): Promise<Uint8Array> {
  const sampler = await opened;
  try {
    return await sampler.sample({ ids, classes: ids.map((id) => id % 10) });
  } finally {
    await sampler.close();
  }
}

/** Images as strings. */
function cut(images: Uint8Array): string[] {
  return Array.from({ length: images.length / 3072 }, (_, index) =>
    Buffer.from(images.subarray(index * 3072, (index + 1) * 3072)).toString("base64"),
  );
}

const ids = Array.from({ length: 9 }, (_, index) => 1000 + 7 * index);

const samplers = [
  { name: "ddpm", steps: 55, schedule: "linear-beta", conditional: false },
  { name: "ddim", steps: 3, schedule: "exponential" },
  { name: "heun", steps: 3, guidance: 2 },
  { name: "heun", steps: 3, churn: 1 },
  { name: "dpm-solver-2m", steps: 4 },
  { name: "dpm-solver-2m", steps: 5, guidance: 2, guidanceMin: 0.1, guidanceMax: 5 },
  { name: "dpm-solver-3m", steps: 4 },
  { name: "unipc-2", steps: 4 },
  { name: "unipc-3", steps: 5 },
];

test.each(samplers)("an image's bytes depend on id and class only, not on grouping or order: %o", async (given) => {
  const seven = await openSampler({ ...given, batchSize: 7 });
  const sample = async (request: readonly number[]) =>
    cut(await seven.sample({ ids: request, classes: request.map((id) => id % 10) }));
  const images = await sample(ids);
  expect((await sample(ids.toReversed())).toReversed()).toEqual(images);
  expect(await sample(ids.slice(5, 6))).toEqual(images.slice(5, 6));
  expect(new Set(images).size).toBe(ids.length);
  await seven.close();
});

// Engines choose kernels by the size of their operands, and kernels round differently.
test.each(samplers)("another batch size changes the rounding of a few values only: %o", async (given) => {
  const expected = await drawWith(openSampler({ ...given, batchSize: 7 }), ids);
  for (const batchSize of [1, 64]) {
    const found = await drawWith(openSampler({ ...given, batchSize }), ids);
    const differences = found.map((value, index) => Math.abs(value - expected[index]!));
    expect(Math.max(...differences)).toBeLessThanOrEqual(1);
    expect(differences.filter((difference) => difference > 0).length).toBeLessThan(1e-3 * differences.length);
  }
});

test("the bytes of an image do not depend on the number of workers", async () => {
  const given = { name: "heun", steps: 3, churn: 1, batchSize: 2 };
  const one = await drawWith(openSampler(given), ids);
  const pool = await openSampler(given, onnxruntimeEngine({ numThreads: 3 }));
  expect(pool.batchSize).toBe(6);
  expect(Buffer.compare(await pool.sample({ ids, classes: ids.map((id) => id % 10) }), one)).toBe(0);
  await pool.close();
});

test.each([
  { name: "unipc-3", steps: 4, guidance: 2 },
  { name: "dpm-solver-2m", steps: 4, guidance: 2, guidanceMax: 5 },
  { name: "heun", steps: 2, churn: 1 },
])("both engines sample the same images, up to a difference of 1 per byte: %o", async (given) => {
  const reference = await drawWith(openSampler({ ...given, batchSize: 2 }), [1, 2]);
  const other = await drawWith(openSampler({ ...given, batchSize: 2 }, await tfjsEngine({ device: "cpu" })), [1, 2]);
  const differences = reference.map((value, index) => Math.abs(value - other[index]!));
  expect(Math.max(...differences)).toBeLessThanOrEqual(1);
  expect(differences.filter((difference) => difference > 0).length).toBeLessThan(0.01 * differences.length);
});

test("the noise of stochastic samplers depends on the seed and on the id", async () => {
  const sample = async (ownSeed: number, id: number) =>
    cut(await drawWith(openSampler({ name: "ddpm", steps: 2, batchSize: 1 }, oneThread, ownSeed), [id]))[0];
  expect(new Set([await sample(1, 1), await sample(2, 1), await sample(1, 11)]).size).toBe(3);
});

/** A denoiser that knows the images: a ramp over rows and channels, plus a tenth of the class. No class counts as 0. */
function denoiseRamp(noisy: Tensor, _sigma: Tensor, classes: Tensor | undefined): Tensor {
  const ramp = Array.from({ length: 3072 }, (_, index) =>
    ramped(Math.floor(index / 1024), Math.floor(index / 32) % 32),
  );
  const images = add(mul(noisy, 0), noisy.graph.constant(tensorData("float32", [1, 3, 32, 32], ramp)));
  return classes === undefined ? images : add(images, mul(reshape(cast(classes, "float32"), [-1, 1, 1, 1]), 0.1));
}

const ramped = (channel: number, row: number) => row / 62 - 0.25 - 0.2 * channel;
const byteOf = (value: number) => Math.min(255, Math.max(0, Math.round((value + 1) * 127.5)));

test.each([
  { guidance: 1, conditional: true, added: 0.1, factor: 1 },
  { guidance: 3, conditional: true, added: 0.3, factor: 2 },
  { guidance: 1, conditional: false, added: 0, factor: 1 },
])(
  "images are bytes by row, column, channel; guidance leads away from no class; calls are counted: %o",
  async (given) => {
    const { added, factor, ...conditioning } = given;
    const options = samplerSchema.parse({ ...conditioning, name: "heun", steps: 9, batchSize: 3 });
    let callsBuilt = 0;
    const sampler = await createDenoiserSampler({
      engine: oneThread,
      seed,
      options,
      numClasses: 10,
      denoiser: (noisy, sigma, classes) => {
        callsBuilt++;
        return denoiseRamp(noisy, sigma, classes);
      },
    });
    expect(callsBuilt).toBe(factor);
    expect(sampler.nfe).toBe(17 * factor);
    const images = await sampler.sample({ ids: [0, 1], classes: [1, 7] });
    await sampler.close();
    for (const [index, label] of [1, 7].entries()) {
      for (const [row, column, channel] of [
        [0, 0, 0],
        [31, 5, 2],
        [17, 30, 1],
      ] as const) {
        const byte = images[index * 3072 + (row * 32 + column) * 3 + channel]!;
        expect(Math.abs(byte - byteOf(ramped(channel, row) + added * label))).toBeLessThanOrEqual(1);
      }
    }
  },
);

test.each([
  [{ conditional: false, guidance: 3 }, /^sampler\.guidance must be 1 where sampler\.conditional is false, got 3\./],
  [{ name: "ddim", churn: 5 }, /^sampler\.churn must be 0 where sampler\.name is ddim, got 5\./],
  [{ sigmaMin: 100 }, /^sampler\.sigmaMin must lie between 0 and sigmaMax = 80, got 100\./],
])("options that do not fit each other are refused: %o", async (given, message) => {
  const options = samplerSchema.parse(given);
  await expect(createSampler({ seed, engine: "onnxruntime", device: "cpu", weights, options })).rejects.toMatchObject({
    code: "config/out-of-range",
    message: expect.stringMatching(message),
  });
});

test("a generator without classes gets no class", async () => {
  const options = samplerSchema.parse({});
  await expect(
    createDenoiserSampler({ engine: oneThread, seed, options, numClasses: 0, denoiser: denoiseRamp }),
  ).rejects.toMatchObject({ code: "config/out-of-range", message: expect.stringContaining("conditional") });
});

test.each([
  ["onnxruntime", oneThread],
  ["tfjs", await tfjsEngine({ device: "cpu" })],
] as const)("images that are not finite are refused on %s, not turned black or white", async (_, engine) => {
  for (const factor of [Number.NaN, 1e38]) {
    const sampler = createDenoiserSampler({
      denoiser: (noisy) => mul(mul(noisy, 1e30), factor),
      numClasses: 0,
      options: samplerSchema.parse({ name: "heun", steps: 2, conditional: false, batchSize: 2 }),
      seed,
      engine,
    });
    await expect(drawWith(sampler, [4, 5])).rejects.toMatchObject({ code: "model/wrong-result" });
  }
});

test("a sampler whose graph cannot be freed still ends the threads that make its noise", async () => {
  const lost: Engine = {
    ...oneThread,
    compile: async (graph, goal) => {
      const executable = await oneThread.compile(graph, goal);
      return {
        concurrency: executable.concurrency,
        run: (feeds) => executable.run(feeds),
        release: async () => {
          await executable.release();
          throw new Error("the device is gone");
        },
      };
    },
  };
  const threads: Worker[] = [];
  const remember = (thread: Worker) => threads.push(thread);
  process.on("worker", remember);
  try {
    const sampler = await openSampler({ steps: 1, batchSize: 1 }, lost);
    await sampler.sample({ ids: [1], classes: [1] });
    await expect(sampler.close()).rejects.toThrow("the device is gone");
  } finally {
    process.off("worker", remember);
  }
  expect(threads.length).toBeGreaterThan(0);
  // A thread that has ended has no number.
  expect(threads.filter(({ threadId }) => threadId !== -1)).toEqual([]);
});
