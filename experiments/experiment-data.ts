import { closeAll } from "../core/close-all.ts";
import { type Closable, closeOnError } from "../core/close-on-error.ts";
import { Cifar5mError } from "../core/errors.ts";
import { type Dataset, type LiveSource, openDataset } from "../shards/index.ts";
import type { ExperimentConfig } from "./experiment-config.ts";
import type { RunOptions } from "./run-options.ts";
import { type EvaluationSet, readEvaluationSet } from "./worlds.ts";

/** Makes images beyond the pool. */
export interface Live extends LiveSource {
  readonly classNames: readonly string[];
  /** Hash of everything that determines its images. */
  readonly fingerprint: string;
  /** Loads its models, which otherwise happens when images are asked for first. */
  load(): Promise<void>;
  close(): Promise<void>;
}

/** Finds the live source of a run folder, without loading its models. The caller provides it, since this folder must not import the generator. */
export type OpenLive = (root: string) => Promise<Live>;

/** The data sets of an experiment, opened. */
export interface ExperimentData {
  readonly train: Dataset;
  readonly test: Dataset;
  /** Test splits of further data sets, by name. */
  readonly others: ReadonlyMap<string, Dataset>;
  readonly live: Live | undefined;
  /** Hashes of everything that determines the data, for the identity of a run. */
  readonly fingerprint: Readonly<Record<string, string>>;
  close(): Promise<void>;
}

/**
 * Opens the data sets that an experiment file names. If one cannot be opened, none stays open.
 * @throws Cifar5mError `manifest/…`, `disk/…`, `experiment/other-classes`
 */
export async function openExperimentData(config: ExperimentConfig, openLive: OpenLive): Promise<ExperimentData> {
  const opened: Closable[] = [];
  const close = () => closeAll(...opened);
  const keep = <Opened extends Closable>(resource: Opened): Opened => {
    opened.push(resource);
    return resource;
  };
  return await closeOnError({ close }, async () => ({ ...(await openAll(config, openLive, keep)), close }));
}

async function openAll(
  { dataset, alsoTest, live: liveRoot }: ExperimentConfig,
  openLive: OpenLive,
  keep: <Opened extends Closable>(resource: Opened) => Opened,
): Promise<Omit<ExperimentData, "close">> {
  const train = keep(await openDataset(dataset));
  const test = keep(train.split("test"));
  const others = new Map<string, Dataset>();
  for (const [name, location] of Object.entries(alsoTest)) {
    const other = keep(await openDataset(location, { split: "test" }));
    requireClassesOf(train, `alsoTest.${name}`, other);
    others.set(name, other);
  }
  const live = liveRoot === undefined ? undefined : keep(await openLive(liveRoot));
  if (live !== undefined) requireClassesOf(train, "live", live);
  const fingerprints = [...others].map(([name, other]) => [name, other.fingerprint] as const);
  return {
    train,
    test,
    others,
    live,
    fingerprint: {
      train: train.fingerprint,
      test: test.fingerprint,
      ...Object.fromEntries(fingerprints),
      ...(live === undefined ? {} : { live: live.fingerprint }),
    },
  };
}

/** @param key - the key of the experiment file that names the other images */
function requireClassesOf(
  train: Dataset,
  key: string,
  { classNames }: { readonly classNames: readonly string[] },
): void {
  if (classNames.join() === train.classNames.join()) return;
  throw new Cifar5mError(
    "experiment/other-classes",
    `${key} must have the classes ${train.classNames.join(", ")}, but it has ${classNames.join(", ")}. Leave it out.`,
  );
}

/** The images of a split that a run sees. */
export async function partOf(dataset: Dataset, classes: readonly string[] | undefined): Promise<Dataset> {
  return classes === undefined ? dataset : await dataset.filter({ classes: [...classes] });
}

/** Name of the evaluation set with the images that the real world trains on. */
export const trainSetName = "train";

/**
 * The images that a run's metrics are computed on: `train` (real world only), `test`, and the further data sets by
 * name.
 * @param train - the images of the train split that the run sees
 */
export async function readEvaluationSets(
  data: ExperimentData,
  train: Dataset,
  options: RunOptions,
): Promise<readonly EvaluationSet[]> {
  const { world, numSamples, classes, labelNoise, evaluation, seed } = options;
  const noise = labelNoise?.rate;
  const sets: EvaluationSet[] = [];
  if (world === "real") {
    const numTrain = Math.min(numSamples, evaluation.trainSamples);
    sets.push(await readEvaluationSet(trainSetName, train, { numSamples: numTrain, seed, labelNoise: noise }));
  }
  for (const [name, dataset] of [["test", data.test] as const, ...data.others]) {
    sets.push(
      await readEvaluationSet(name, await partOf(dataset, classes), {
        numSamples: evaluation.testSamples,
        // Every run is evaluated on the same test images.
        seed: 0,
        labelNoise: labelNoise?.on === "both" ? noise : undefined,
      }),
    );
  }
  return sets;
}
