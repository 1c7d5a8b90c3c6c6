import { closeOnError } from "../core/close-on-error.ts";
import { Cifar5mError } from "../core/errors.ts";
import { canonicalJson } from "../storage/canonical-json.ts";
import { replaceBytes } from "../storage/commit.ts";
import { fileExists } from "../storage/read-file.ts";
import { type ExperimentConfig, readExperimentConfig } from "./experiment-config.ts";
import { type ExperimentData, type OpenLive, openExperimentData } from "./experiment-data.ts";
import { type ExperimentFolder, experimentFolderAt } from "./experiment-folder.ts";
import { isDone } from "./is-done.ts";
import { type PlannedRun, planExperiment } from "./plan-experiment.ts";
import { countFinishedRuns, readFinishedRuns, writeResults } from "./results.ts";
import { readFailure } from "./run-experiment.ts";

/** A planned experiment. Possibly no run is done yet. */
export interface Experiment {
  readonly folder: ExperimentFolder;
  readonly config: ExperimentConfig;
  readonly data: ExperimentData;
  readonly runs: readonly PlannedRun[];
}

/**
 * Opens the data and plans all runs. The caller closes the data.
 * @param root - the experiment's folder
 * @param file - the experiment file; by default the file that was used with this folder last
 * @param openLive - opens the live source that the file may name
 * @throws Cifar5mError `experiment/…`; `manifest/…`, `disk/…`
 */
export async function openExperiment(root: string, file: string | undefined, openLive: OpenLive): Promise<Experiment> {
  const folder = experimentFolderAt(root);
  if (file === undefined && !(await fileExists(folder.config))) {
    throw new Cifar5mError(
      "experiment/missing",
      `${folder.config} must exist, and does not: no experiment was begun there. Name its folder, or begin one with ` +
        "`cifar5m experiment run FILE.json FOLDER`.",
    );
  }
  const config = await readExperimentConfig(file ?? folder.config);
  const data = await openExperimentData(config, openLive);
  const runs = await closeOnError(data, () => planExperiment(config, data));
  return { folder, config, data, runs };
}

/** Copies the experiment file into the folder, so that the results can be understood without another file. */
export async function keepConfig({ folder, config }: Experiment): Promise<void> {
  await replaceBytes(folder.config, `${canonicalJson(config, 2)}\n`);
}

/**
 * Gathers the results of all finished runs, including those of other workers.
 * @throws Cifar5mError `unit/config-changed`, `receipt/…`, `table/…`, `disk/…`
 */
export async function gatherResults({ folder, runs, data }: Experiment): Promise<void> {
  for (;;) {
    const finished = await readFinishedRuns(folder, runs);
    await writeResults(folder.results, { data: data.fingerprint, runs: finished });
    // A worker that finished a run meanwhile may have written its results first, and we replaced them by an older list.
    if ((await countFinishedRuns(folder, runs)) <= finished.length) return;
  }
}

/** The status of a run. */
export type RunStatus = "done" | "failed" | "open";

/**
 * Whether a run is done, has failed, or is still to be done.
 * @throws Cifar5mError `unit/config-changed`, `receipt/…`, `json/corrupt`, `disk/…`
 */
export async function statusOf({ folder }: Experiment, run: PlannedRun): Promise<RunStatus> {
  if (await isDone(folder, run, folder.metrics(run.id))) return "done";
  return (await readFailure(folder, run.id)) === undefined ? "open" : "failed";
}

/** @throws Cifar5mError `experiment/runs-failed` if there are failed runs */
export function requireNoFailures(failures: readonly string[], numRuns: number): void {
  if (failures.length === 0) return;
  const shown = failures.slice(0, 3).join("; ") + (failures.length > 3 ? "; …" : "");
  throw new Cifar5mError(
    "experiment/runs-failed",
    `${failures.length} of ${numRuns} runs failed: ${shown}. Change their options, such as the learning rate; the other runs are kept.`,
  );
}
