/** The diffusion model that makes images: training and sampling. */
export { type CreateSamplerOptions, createSampler, type SampleRequest, type Sampler } from "./create-sampler.ts";
export { type Denoise, heunCalls, sampleHeun } from "./heun-sampler.ts";
export { noiseLevels } from "./noise-levels.ts";
export {
  type GeneratorNetworkOptions,
  type GeneratorTrainingOptions,
  generatorNetworkSchema,
  generatorTrainingSchema,
  type SamplerOptions,
  samplerSchema,
  type TuningOptions,
  tuningSchema,
} from "./options.ts";
export type { GeneratorTraining } from "./run-denoiser-training.ts";
export { type TrainGeneratorOptions, trainGenerator } from "./train-generator.ts";
export { type TuneGeneratorOptions, tuneGenerator } from "./tune-generator.ts";
