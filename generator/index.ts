/** The diffusion model that makes images: training and sampling. */
export { type CreateSamplerOptions, createSampler, type SampleRequest, type Sampler } from "./create-sampler.ts";
export { type Denoiser, guidedDenoiser, trainedDenoiser } from "./denoiser.ts";
export { type ForeignGeneratorOptions, foreignGeneratorSchema, readForeignGenerator } from "./foreign-denoiser.ts";
export { type Denoise, heunCalls, sampleHeun } from "./heun-sampler.ts";
export { noiseLevels } from "./noise-levels.ts";
export {
  type GeneratorNetworkOptions,
  type GeneratorTrainingOptions,
  generatorNetworkSchema,
  generatorTrainingSchema,
  type SamplerOptions,
  samplerSchema,
} from "./options.ts";
export { type TrainGeneratorOptions, trainGenerator } from "./train-generator.ts";
