/** The Deep Bootstrap experiments: the same training in the real and in the ideal world. */
export { type Comparison, compareWorlds, convergedSoftError, describeStep, type Estimate } from "./compare-worlds.ts";
export {
  type Experiment,
  gatherResults,
  keepConfig,
  openExperiment,
  type RunStatus,
  requireNoFailures,
  statusOf,
} from "./experiment.ts";
export { type ExperimentConfig, experimentSchema, readExperimentConfig } from "./experiment-config.ts";
export type { Live, OpenLive } from "./experiment-data.ts";
export { experimentFolderAt } from "./experiment-folder.ts";
export { type Metrics, metricsOf } from "./metrics.ts";
export { describeNetwork, describeWorld, type RunName, runNamer } from "./name-runs.ts";
export { type PlannedRun, shareOfRuns } from "./plan-experiment.ts";
export { showEstimate } from "./report/page.ts";
export { writeReport } from "./report/write-report.ts";
export { type Results, type RunResult, readResults, resultsSchema } from "./results.ts";
export { type ExperimentContext, type Outcome, runPlanned } from "./run-experiment.ts";
export { type RunOptions, runOptionsSchema } from "./run-options.ts";
export type { MetricsRow } from "./train-run.ts";
