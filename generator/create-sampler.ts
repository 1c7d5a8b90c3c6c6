import { fillNormals, randomStreams } from "../core/random.ts";
import { createEngine } from "../engine/create-engine.ts";
import type { EngineName, Executable } from "../engine/executor.ts";
import { forEachBatch } from "../engine/for-each-batch.ts";
import { Graph } from "../engine/graph.ts";
import { probeGraph } from "../engine/probe-graph.ts";
import { guidedDenoiser } from "./denoiser.ts";
import { heunCalls, sampleHeun } from "./heun-sampler.ts";
import { noiseLevels } from "./noise-levels.ts";
import { type OpenGenerator, openGenerator } from "./open-generator.ts";
import type { SamplerOptions } from "./options.ts";

const imageSize = 3 * 32 * 32;

/** Which images to make. */
export interface SampleRequest {
  /** Sample ids, whole numbers from 0; the noise of an image is a pure function of (seed, id). */
  readonly ids: ArrayLike<number>;
  /** Conditioning class of each; not looked at by an unconditional generator. */
  readonly classes: ArrayLike<number>;
}

/** Makes images. */
export interface Sampler {
  /** Images to ask for at once, for full speed. */
  readonly batchSize: number;
  /** Denoiser calls per image. */
  readonly nfe: number;
  /** Classes the generator knows, 0 when it is unconditional. */
  readonly numClasses: number;
  /** @returns uint8 [n, 32, 32, 3] flattened; the bytes of an image do not depend on the others of the request */
  sample(request: SampleRequest): Promise<Uint8Array>;
  close(): Promise<void>;
}

export interface CreateSamplerOptions {
  /** A safetensors file made by `trainGenerator`, or an ONNX file with its description within. */
  readonly weights: Uint8Array;
  readonly options: SamplerOptions;
  readonly seed: number;
  readonly engine: EngineName;
  readonly device: string;
}

/**
 * Makes a trained generator ready to draw images.
 * @throws BuilderError `weights/corrupt`, `weights/wrong-architecture`, `model/…`, `config/out-of-range`
 */
export async function createSampler({
  weights,
  options,
  seed,
  engine,
  device,
}: CreateSamplerOptions): Promise<Sampler> {
  const generator = openGenerator(weights);
  const { guidance } = options;
  const batchSize = generator.batchSize ?? options.batchSize;
  const sigmas = noiseLevels(options);
  const graph = denoiserGraph(generator, batchSize, guidance);
  const executor = await createEngine(engine, { device });
  if (generator.isForeign) await probeGraph(executor, graph, "the generator");
  const executable = await executor.compile(graph, "throughput");
  const { concurrency } = executable;
  return {
    batchSize: batchSize * concurrency,
    nfe: heunCalls(options.steps) * (guidance === 1 || generator.numClasses === 0 ? 1 : 2),
    numClasses: generator.numClasses,
    sample: async ({ ids, classes }) => {
      const images = new Uint8Array(ids.length * imageSize);
      await forEachBatch({ numItems: ids.length, batchSize, concurrency }, async (start, end) => {
        // A short batch is filled up with its last image.
        const batch = Array.from({ length: batchSize }, (_, index) => Math.min(start + index, end - 1));
        const noise = new Float32Array(batchSize * imageSize);
        batch.forEach((place, index) => {
          const part = noise.subarray(index * imageSize, (index + 1) * imageSize);
          fillNormals({ seed, stream: randomStreams.sampleNoise, id: ids[place]! }, part);
        });
        const condition = BigInt64Array.from(batch, (place) => BigInt(classes[place] ?? 0));
        const drawn = await sampleHeun(
          (noisy, sigma) => denoise(executable, noisy, sigma, condition),
          noise.map((value) => value * sigmas[0]!),
          sigmas,
        );
        images.set(imageBytes(drawn).subarray(0, (end - start) * imageSize), start * imageSize);
      });
      return images;
    },
    close: () => executable.release(),
  };
}

/** D(x; sigma) for a batch: inputs `noisy` [B, 3, 32, 32], `sigma` [B], `classes` [B]; output `denoised`. */
function denoiserGraph(generator: OpenGenerator, batchSize: number, guidance: number): Graph {
  const graph = new Graph();
  const noisy = graph.input("noisy", "float32", [batchSize, 3, 32, 32]);
  const sigma = graph.input("sigma", "float32", [batchSize]);
  const denoiser = generator.place(graph);
  if (generator.numClasses === 0) {
    graph.output("denoised", denoiser(noisy, sigma, undefined));
  } else {
    const classes = graph.input("classes", "int64", [batchSize]);
    const guided = guidance === 1 ? denoiser : guidedDenoiser(denoiser, guidance);
    graph.output("denoised", guided(noisy, sigma, classes));
  }
  return graph;
}

async function denoise(
  executable: Executable,
  noisy: Float32Array,
  sigma: number,
  classes: BigInt64Array,
): Promise<Float32Array> {
  const batchSize = classes.length;
  const result = await executable.run({
    noisy: { dtype: "float32", shape: [batchSize, 3, 32, 32], data: noisy },
    sigma: { dtype: "float32", shape: [batchSize], data: new Float32Array(batchSize).fill(sigma) },
    classes: { dtype: "int64", shape: [batchSize], data: classes },
  });
  return result["denoised"]!.data as Float32Array;
}

/** Pixels in [-1, 1], planar, to bytes, interleaved. */
function imageBytes(pixels: Float32Array): Uint8Array {
  const bytes = new Uint8Array(pixels.length);
  const plane = 32 * 32;
  for (let start = 0; start < pixels.length; start += imageSize) {
    for (let index = 0; index < imageSize; index++) {
      const value = Math.round((pixels[start + (index % 3) * plane + Math.floor(index / 3)]! + 1) * 127.5);
      bytes[start + index] = Math.min(255, Math.max(0, value));
    }
  }
  return bytes;
}
