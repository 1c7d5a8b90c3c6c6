import { Cifar5mError } from "../../core/errors.ts";
import { createEngine } from "../../engine/create-engine.ts";
import type { SeededExecution } from "../../engine/executor.ts";
import { Graph } from "../../engine/graph/graph.ts";
import { probeGraph } from "../../engine/probe-graph.ts";
import { type OpenGenerator, openGenerator } from "../open-generator.ts";
import { createDenoiserSampler, type Sampler } from "./denoiser-sampler.ts";
import type { SamplerOptions } from "./options.ts";

export interface CreateSamplerOptions extends SeededExecution {
  /** A safetensors file made by `trainGenerator`, or an ONNX file that contains its description. */
  readonly weights: Uint8Array;
  readonly options: SamplerOptions;
}

/**
 * Opens a sampler for a generator.
 * @throws Cifar5mError `weights/corrupt`, `weights/wrong-architecture`, `model/…`, `config/out-of-range`
 */
export async function createSampler({
  weights,
  options,
  seed,
  engine: name,
  device,
  precision,
  numThreads,
}: CreateSamplerOptions): Promise<Sampler> {
  const generator = openGenerator(weights);
  requireFittingSampler(options.name, generator);
  const engine = await createEngine(name, { device, precision, numThreads });
  if (generator.isForeign) await probeGraph(engine, oneCall(generator), "the generator");
  const { batchSize = options.batchSize } = generator;
  return await createDenoiserSampler({ ...generator, options: { ...options, batchSize }, seed, engine, numThreads });
}

/** A graph that calls a denoiser once with as few images as possible. */
function oneCall({ denoiser, numClasses, batchSize = 1 }: OpenGenerator): Graph {
  const graph = new Graph();
  const noisy = graph.input("noisy", "float32", [batchSize, 3, 32, 32]);
  const sigma = graph.input("sigma", "float32", [batchSize]);
  const classes = numClasses === 0 ? undefined : graph.input("classes", "int64", [batchSize]);
  graph.output("clean", denoiser(noisy, sigma, classes));
  return graph;
}

/** Checks that tuned generators, and only these, are sampled by the consistency sampler. */
function requireFittingSampler(name: SamplerOptions["name"], { isTuned }: OpenGenerator): void {
  if (isTuned === undefined || isTuned === (name === "consistency")) return;
  throw new Cifar5mError(
    "config/out-of-range",
    isTuned
      ? `sampler.name must be consistency for this generator, which was tuned for few calls, got ${name}. Use --recipe tuned.`
      : "sampler.name must be another than consistency for this generator, which was not tuned. Use --recipe fast, or tuned weights.",
  );
}
