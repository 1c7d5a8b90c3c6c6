import { createEngine } from "../engine/create-engine.ts";
import type { EngineName } from "../engine/executor.ts";
import { trainedDenoiser } from "./denoiser.ts";
import { createDenoiserSampler, type Sampler } from "./denoiser-sampler.ts";
import type { SamplerOptions } from "./options.ts";
import { readGenerator } from "./read-generator.ts";

export interface CreateSamplerOptions {
  /** A safetensors file made by `trainGenerator`. */
  readonly weights: Uint8Array;
  readonly options: SamplerOptions;
  readonly seed: number;
  readonly engine: EngineName;
  readonly device: string;
}

/**
 * Makes a trained generator ready to draw images.
 * @throws BuilderError `weights/corrupt`, `weights/wrong-architecture`, `config/out-of-range`
 */
export async function createSampler({ weights, engine, device, ...rest }: CreateSamplerOptions): Promise<Sampler> {
  const { tensors, network } = readGenerator(weights);
  return await createDenoiserSampler({
    ...rest,
    denoiser: trainedDenoiser(tensors, network),
    numClasses: network.numClasses,
    engine: await createEngine(engine, { device }),
  });
}
