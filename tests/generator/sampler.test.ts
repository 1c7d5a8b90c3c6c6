import { expect, test } from "vitest";
import { namedParts } from "../../engine/parameters.ts";
import { writeSafetensors } from "../../engine/safetensors.ts";
import { initialState } from "../../engine/trainer.ts";
import { createSampler } from "../../generator/create-sampler.ts";
import { heunCalls, sampleHeun } from "../../generator/heun-sampler.ts";
import { noiseLevels } from "../../generator/noise-levels.ts";
import { generatorNetworkSchema, samplerSchema } from "../../generator/options.ts";
import { smallGenerator, smallGeneratorTraining } from "../engine/small-training.ts";

const levels = { sigmaMin: 0.002, sigmaMax: 80, rho: 7 };

test("noise levels fall from sigmaMax to sigmaMin by the formula, then to zero", () => {
  const sigmas = noiseLevels({ ...levels, steps: 18 });
  expect(sigmas).toHaveLength(19);
  expect(sigmas[0]).toBeCloseTo(80, 10);
  expect(sigmas[17]).toBeCloseTo(0.002, 12);
  expect(sigmas[18]).toBe(0);
  for (let index = 0; index < 18; index++) expect(sigmas[index + 1]).toBeLessThan(sigmas[index]!);
  expect(sigmas[1]).toBeCloseTo((80 ** (1 / 7) + (0.002 ** (1 / 7) - 80 ** (1 / 7)) / 17) ** 7, 10);
  expect([...noiseLevels({ ...levels, steps: 1 })]).toEqual([80, 0]);
});

test.each([{ steps: 0 }, { steps: 1.5 }, { sigmaMin: 0 }, { sigmaMin: 90 }])("noise levels refuse %o", (wrong) => {
  expect(() => noiseLevels({ ...levels, steps: 18, ...wrong })).toThrowError(
    expect.objectContaining({ code: "config/out-of-range" }),
  );
});

test("for Gaussian data the sampler's error falls fourfold when steps double, and calls are 2N - 1", async () => {
  const deviation = 0.5;
  const start = Float32Array.of(80, -40, 12.5);
  // The exact solution scales noise: x(0) = x(sigma) · s / sqrt(s² + sigma²).
  const exact = start.map((value) => (value * deviation) / Math.sqrt(deviation ** 2 + 80 ** 2));
  const errors: number[] = [];
  for (const steps of [16, 32, 64, 128]) {
    let calls = 0;
    const denoise = async (noisy: Float32Array, sigma: number) => {
      calls++;
      return noisy.map((value) => (value * deviation ** 2) / (deviation ** 2 + sigma ** 2));
    };
    const found = await sampleHeun(denoise, start, noiseLevels({ ...levels, steps }));
    expect(calls).toBe(heunCalls(steps));
    errors.push(Math.abs(found[0]! - exact[0]!));
  }
  for (let index = 1; index < errors.length; index++) {
    const ratio = errors[index - 1]! / errors[index]!;
    expect(ratio).toBeGreaterThan(3.5);
    expect(ratio).toBeLessThan(4.6);
  }
});

/** Weights of a generator in which nothing is zero, so that its images depend on everything. */
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
  return writeSafetensors({ tensors: namedParts(program.parameters, values), metadata }, "F16");
}

test("an image's bytes depend on its id and class only, not on batch size, grouping or order", async () => {
  const weights = randomWeights();
  const ids = Array.from({ length: 18 }, (_, index) => 1000 + 7 * index);
  const imageOf = new Map<number, string>();
  for (const batchSize of [1, 7, 16]) {
    const options = samplerSchema.parse({ steps: 4, batchSize });
    const sampler = await createSampler({ weights, options, seed: 3, engine: "onnxruntime", device: "cpu" });
    for (const request of [ids, ids.toReversed(), ids.slice(5, 6)]) {
      const bytes = await sampler.sample({ ids: request, classes: request.map((id) => id % 10) });
      expect(bytes).toHaveLength(request.length * 3072);
      request.forEach((id, index) => {
        const image = Buffer.from(bytes.subarray(index * 3072, (index + 1) * 3072)).toString("base64");
        if (!imageOf.has(id)) imageOf.set(id, image);
        expect(imageOf.get(id) === image, `image ${id} of batch size ${batchSize}`).toBe(true);
      });
    }
    await sampler.close();
  }
  expect(new Set(imageOf.values()).size).toBe(ids.length);
});
