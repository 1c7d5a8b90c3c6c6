/** The diffusion model that generates images: training and sampling. */

export { type Denoiser, guidedDenoiser, trainedDenoiser } from "./denoiser.ts";
export {
  type ForeignGenerator,
  type ForeignGeneratorOptions,
  foreignGeneratorSchema,
  readForeignGenerator,
} from "./foreign-denoiser.ts";
export { type GeneratorNetworkOptions, generatorNetworkSchema } from "./network-options.ts";
export { joinWeaker, readGenerator } from "./read-generator.ts";
export { type CreateSamplerOptions, createSampler } from "./sampling/create-sampler.ts";
export {
  type CreateDenoiserSamplerOptions,
  createDenoiserSampler,
  type SampleRequest,
  type Sampler,
} from "./sampling/denoiser-sampler.ts";
export { type NoiseLevelOptions, noiseLevels, type ScheduleName, scheduleNames } from "./sampling/noise-levels.ts";
export { type SamplerOptions, samplerSchema } from "./sampling/options.ts";
export { planTrajectory, type SamplerName, samplers } from "./sampling/plan-trajectory.ts";
export { guidesAnyCall, requireSamplerOptions, type UnguidedOptions } from "./sampling/sampler-options.ts";
export type { Churn } from "./sampling/samplers/heun.ts";
export { type Call, type Combination, type Term, type Trajectory, terms } from "./sampling/samplers/trajectory.ts";
export { followTrajectory, type TrajectoryInputs } from "./sampling/trajectory-graph.ts";
export { type Column, type FactorColumn, type TrajectoryTable, tableOf } from "./sampling/trajectory-table.ts";
export { adversarialLevels, type FrozenClassifier } from "./training/adversarial-loss.ts";
export {
  type AdversarialOptions,
  adversarialSchema,
  type GeneratorTrainingOptions,
  generatorTrainingSchema,
  type TuningMethod,
  type TuningOptions,
  tuningMethods,
  tuningSchema,
} from "./training/options.ts";
export type { GeneratorTraining } from "./training/run-denoiser-training.ts";
export { type TrainGeneratorOptions, trainGenerator } from "./training/train-generator.ts";
export { type TuneAdversariallyOptions, tuneAdversarially } from "./training/tune-adversarially.ts";
export { type TuneGeneratorOptions, tuneGenerator } from "./training/tune-generator.ts";
