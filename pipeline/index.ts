/** Builds as a program runs them: a configuration, a model runtime, and steps that run one after the other. */

export { type BuildSources, buildSteps } from "./build.ts";
export type { ModelRuntime } from "./models/model-runtime.ts";
export { shippedRuntime } from "./models/shipped-runtime.ts";
export { type Config, configSchema, type PartialConfig, resolveConfig, type TrainingSection } from "./run/config.ts";
export { openRun, type Run } from "./run/run.ts";
export { type RunFolder, runFolderAt } from "./run/run-folder.ts";
export type { StageContext } from "./run/stage.ts";
export type { Step, StepOptions } from "./run/step.ts";
