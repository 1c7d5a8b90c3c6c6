/** The diffusion model that makes images: training and sampling. */

export { checkSamplerOptions } from "./check-sampler-options.ts";
export { type CreateSamplerOptions, createSampler } from "./create-sampler.ts";
export { type Denoiser, guidedDenoiser, trainedDenoiser } from "./denoiser.ts";
export {
  type CreateDenoiserSamplerOptions,
  createDenoiserSampler,
  type SampleRequest,
  type Sampler,
} from "./denoiser-sampler.ts";
export {
  type ForeignGenerator,
  type ForeignGeneratorOptions,
  foreignGeneratorSchema,
  readForeignGenerator,
} from "./foreign-denoiser.ts";
export { type NoiseLevelOptions, noiseLevels, type ScheduleName, scheduleNames } from "./noise-levels.ts";
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
export { planTrajectory, type SamplingName, samplings } from "./plan-trajectory.ts";
export { joinWeaker } from "./read-generator.ts";
export type { GeneratorTraining } from "./run-denoiser-training.ts";
export type { Churn } from "./samplers/heun.ts";
export { type Call, type Combination, type Term, type Trajectory, terms } from "./samplers/trajectory.ts";
export { type TrainGeneratorOptions, trainGenerator } from "./train-generator.ts";
export { followTrajectory, type TrajectoryInputs } from "./trajectory-graph.ts";
export { type Column, type FactorColumn, type TrajectoryTable, tableOf } from "./trajectory-table.ts";
export { type TuneGeneratorOptions, tuneGenerator } from "./tune-generator.ts";
