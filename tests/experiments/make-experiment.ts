import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Experiment, type OpenLive, openExperiment, runPlanned } from "../../experiments/index.ts";
import { makeDataset, makeTestFolder } from "../support/make-rows.ts";

/** A network that trains in milliseconds. */
export const tinyNetwork = { name: "mlp", width: 8, depth: 1 };

/** Options of runs that take a second. */
export const tinyRun = {
  network: tinyNetwork,
  numSamples: 40,
  steps: 12,
  batchSize: 10,
  learningRate: 0.05,
  evaluation: { steps: 4, testSamples: 30, trainSamples: 20 },
};

/** A folder with a data set of random images, 200 of train and 40 of test, and an experiment file over it. */
export async function makeExperimentFile(config: Readonly<Record<string, unknown>>): Promise<string> {
  const folder = await makeTestFolder();
  await makeDataset(join(folder, "dataset"), { train: 200, test: 40, rowsPerShard: 60 });
  return await writeExperimentFile(folder, config);
}

/** Another experiment file over the data set of a folder. */
export async function writeExperimentFile(folder: string, config: Readonly<Record<string, unknown>>): Promise<string> {
  const path = join(folder, "experiment.json");
  await writeFile(path, JSON.stringify({ name: "test", dataset: join(folder, "dataset"), ...config }));
  return path;
}

/** For experiments without a live source. */
export const noLive: OpenLive = () => Promise.reject(new Error("no live source was asked for"));

/** Does all runs of an experiment. */
export async function runAll(root: string, file: string, openLive = noLive): Promise<Experiment> {
  const { signal } = new AbortController();
  const experiment = await openExperiment(root, file, openLive);
  try {
    for (const run of experiment.runs) await runPlanned(run, { ...experiment, signal, onProgress: () => {} });
    return experiment;
  } finally {
    await experiment.data.close();
  }
}
