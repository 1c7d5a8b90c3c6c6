import { executionIdentity } from "../engine/executor.ts";
import { type Dataset, openDataset } from "../shards/index.ts";
import { hashConfig } from "../storage/canonical-json.ts";
import { combinationsOf, type ExperimentConfig } from "./experiment-config.ts";
import type { ExperimentData } from "./experiment-data.ts";
import { imageCounter, requireRunnable } from "./require-runnable.ts";
import type { PretrainingOptions, RunOptions } from "./run-options.ts";

/** A training that is done once, identified by the hash of everything that determines it. */
export interface PlannedRun {
  /** First 12 hexadecimal digits of `hash`; the name of its folder. */
  readonly id: string;
  readonly hash: string;
  readonly options: RunOptions;
  /** The training that provides the initial weights. */
  readonly pretraining: PlannedPretraining | undefined;
}

/** A training that provides initial weights for others. */
export interface PlannedPretraining {
  readonly id: string;
  readonly hash: string;
  readonly options: RunOptions;
  readonly task: PretrainingOptions["task"];
  /** A data set other than the experiment's. */
  readonly dataset: string | undefined;
}

/**
 * All runs of an experiment. Runs with the same pretraining are neighbors.
 * @throws Cifar5mError `experiment/…` for options that contradict each other, or if the data is too small for a run;
 *   `manifest/…`, `dataset/…`, `disk/…` for the data set of a pretraining
 */
export async function planExperiment(config: ExperimentConfig, data: ExperimentData): Promise<readonly PlannedRun[]> {
  const planned: PlannedRun[] = [];
  const countImages = imageCounter();
  const opened = new Map<string, Dataset>();
  const sourceOf = async ({ dataset }: PretrainingOptions) => {
    if (dataset === undefined) return data.train;
    const source = opened.get(dataset) ?? (await openDataset(dataset));
    opened.set(dataset, source);
    return source;
  };
  try {
    for (const options of combinationsOf(config)) {
      const source = options.pretraining === undefined ? undefined : await sourceOf(options.pretraining);
      await requireRunnable(options, data, source, countImages);
      const pretraining =
        options.pretraining === undefined || source === undefined
          ? undefined
          : planPretraining(options, options.pretraining, config, source.fingerprint);
      // The options of a run include its seed.
      const identity = {
        ...executionIdentity(config),
        data: data.fingerprint,
        ...lossIdentity(options),
        options,
        pretraining: pretraining?.hash,
      };
      planned.push({ ...named(identity), options, pretraining });
    }
  } finally {
    for (const source of opened.values()) source.close();
  }
  return planned;
}

/** The runs of one worker. Runs that start from the same weights go to the same worker. */
export function shareOfRuns(
  runs: readonly PlannedRun[],
  { rank, worldSize }: { readonly rank: number; readonly worldSize: number },
): readonly PlannedRun[] {
  const groupIndexes = new Map<string, number>();
  return runs.filter((run) => {
    const groupIndex = groupIndexes.get(groupOf(run)) ?? groupIndexes.size;
    groupIndexes.set(groupOf(run), groupIndex);
    return groupIndex % worldSize === rank;
  });
}

function groupOf({ id, pretraining }: PlannedRun): string {
  return pretraining?.id ?? id;
}

function named(identity: object): { readonly id: string; readonly hash: string } {
  const hash = hashConfig(identity);
  return { id: hash.slice(0, 12), hash };
}

/** The squared error of earlier releases was the mean over the classes, so their runs are others. */
function lossIdentity({ loss }: RunOptions): { readonly squaredError?: "sum" } {
  return loss === "mse" ? { squaredError: "sum" } : {};
}

/** @param images - fingerprint of the images that it learns from */
function planPretraining(
  { pretraining: _, ...options }: RunOptions,
  { task, dataset, classes, steps, learningRate }: PretrainingOptions,
  config: ExperimentConfig,
  images: string,
): PlannedPretraining {
  const derived: RunOptions = {
    ...options,
    world: "real",
    // It takes all images in both worlds, so this option of a run must not make two pretrainings different.
    numSamples: 1,
    shuffle: true,
    steps,
    learningRate: learningRate ?? options.learningRate,
    classes,
    labelNoise: undefined,
    stopBelow: 0,
    evaluation: { ...options.evaluation, steps: 2 },
  };
  const identity = {
    kind: "pretraining",
    ...executionIdentity(config),
    data: images,
    ...lossIdentity(options),
    task,
    options: derived,
  };
  return { ...named(identity), options: derived, task, dataset };
}
