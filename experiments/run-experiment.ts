import { rm } from "node:fs/promises";
import { programVersion } from "../core/program-version.ts";
import type { Execution } from "../engine/executor.ts";
import type { Weights } from "../engine/parameters/constant-scope.ts";
import { readSafetensors, writeSafetensors } from "../engine/parameters/safetensors.ts";
import { DivergedError } from "../engine/training/diverged-error.ts";
import type { TrainingProgress } from "../engine/training/run-training.ts";
import { writeTable } from "../shards/arrow/write-table.ts";
import { openDataset } from "../shards/index.ts";
import { sealJson, unsealJson } from "../storage/canonical-json.ts";
import { replaceBytes } from "../storage/commit.ts";
import { commitUnit } from "../storage/commit-unit.ts";
import { openEventLog } from "../storage/event-log.ts";
import type { Scalars } from "../storage/event-records.ts";
import { readWholeFile } from "../storage/read-file.ts";
import { readTextIfAny } from "../storage/read-text.ts";
import { openTrainingStore, withTraining } from "../storage/training-store.ts";
import type { ExperimentConfig } from "./experiment-config.ts";
import { type ExperimentData, partOf, readEvaluationSets } from "./experiment-data.ts";
import type { ExperimentFolder } from "./experiment-folder.ts";
import { isDone } from "./is-done.ts";
import { metricsSchema, toMetricsColumns } from "./metrics-table.ts";
import type { PlannedPretraining, PlannedRun } from "./plan-experiment.ts";
import { type MetricsRow, trainRun } from "./train-run.ts";

/** Everything that the runs of an experiment share. */
export interface ExperimentContext {
  readonly folder: ExperimentFolder;
  readonly config: ExperimentConfig;
  readonly data: ExperimentData;
  /** CPU threads that a training uses; default: the number of cores. */
  readonly numThreads?: number | undefined;
  readonly signal: AbortSignal;
  /** Told in a line what is waited for. */
  readonly tell?: ((line: string) => void) | undefined;
  /** Called with the id of a run or of its pretraining. */
  readonly onProgress: (id: string, progress: TrainingProgress) => void;
  /** Called with the number of images of a pretraining that was done before, for another run or by another call. */
  readonly onKept?: (images: number) => void;
}

/** How a run ended. */
export type Outcome =
  | { readonly kind: "done" }
  | { readonly kind: "kept" }
  | { readonly kind: "failed"; readonly line: string };

/**
 * Does a run, unless it is done. A run that diverges is marked as failed and is not repeated, since it would diverge
 * again.
 * @throws Cifar5mError `interrupted`, `train/under-way`, and errors that do not concern this run alone: `disk/…`, `shard/…`
 */
export async function runPlanned(run: PlannedRun, context: ExperimentContext): Promise<Outcome> {
  const { folder } = context;
  if (await isDone(folder, run, folder.metrics(run.id))) return { kind: "kept" };
  const failure = await readFailure(folder, run.id);
  if (failure !== undefined) return { kind: "failed", line: failure };
  return await withTraining(folder.training(run.id), context, () => trainPlanned(run, context));
}

async function trainPlanned(run: PlannedRun, context: ExperimentContext): Promise<Outcome> {
  const { folder, data } = context;
  try {
    const initialWeights = run.pretraining === undefined ? undefined : await pretrain(run.pretraining, context);
    const train = await partOf(data.train, run.options.classes);
    const events = openEventLog(folder.events(run.id));
    const { rows } = await trainRun(
      {
        ...run,
        task: "labels",
        source: { train, live: data.live },
        evaluationSets: await readEvaluationSets(data, train, run.options),
        initialWeights,
        store: openTrainingStore(folder.training(run.id), events),
        onMetrics: (step, measured) => events.append(step, toScalars(measured)),
        signal: context.signal,
        onProgress: (progress) => context.onProgress(run.id, progress),
      },
      executionOf(context),
    );
    await commitResult(folder.metrics(run.id), run, folder, async (sink) =>
      writeTable(sink, metricsSchema, [toMetricsColumns(rows)]),
    );
  } catch (thrown) {
    if (!(thrown instanceof DivergedError)) throw thrown;
    const line = thrown.what;
    await replaceBytes(folder.failure(run.id), sealJson({ line }));
    return { kind: "failed", line };
  }
  await rm(folder.training(run.id), { recursive: true, force: true });
  return { kind: "done" };
}

/** Metrics by tag: `test/error`. */
function toScalars(rows: readonly MetricsRow[]): Scalars {
  return Object.fromEntries(
    rows.flatMap(({ set, loss, error, softError }) =>
      Object.entries({ loss, error, softError }).map(([metric, value]) => [`${set}/${metric}`, value]),
    ),
  );
}

function executionOf({ config, numThreads }: ExperimentContext): Execution {
  return { ...config, numThreads };
}

/** The weights of a pretraining. If it is not done yet, it is done now. */
async function pretrain(pretraining: PlannedPretraining, context: ExperimentContext): Promise<Weights> {
  const { folder } = context;
  const { id, options } = pretraining;
  const path = folder.weights(id);
  if (await isDone(folder, pretraining, path)) context.onKept?.(options.steps * options.batchSize);
  else await withTraining(folder.training(id), context, () => trainPretraining(pretraining, context));
  return readSafetensors(await readWholeFile(path), path).tensors;
}

async function trainPretraining(pretraining: PlannedPretraining, context: ExperimentContext): Promise<void> {
  const { folder, data } = context;
  const { id, options, task } = pretraining;
  const source = pretraining.dataset === undefined ? data.train : await openDataset(pretraining.dataset);
  try {
    const train = await partOf(source, options.classes);
    const { weights } = await trainRun(
      {
        hash: pretraining.hash,
        options: { ...options, numSamples: train.numSamples },
        task,
        source: { train, live: undefined },
        evaluationSets: [],
        initialWeights: undefined,
        store: openTrainingStore(folder.training(id), openEventLog(folder.events(id))),
        signal: context.signal,
        onProgress: (progress) => context.onProgress(id, progress),
      },
      executionOf(context),
    );
    await commitResult(folder.weights(id), pretraining, folder, async (sink) => {
      await sink.write(writeSafetensors({ tensors: weights, metadata: { model: "pretraining" } }, "F32"));
      return 0;
    });
  } finally {
    if (source !== data.train) source.close();
  }
  await rm(folder.training(id), { recursive: true, force: true });
}

async function commitResult(
  dataPath: string,
  { id, hash }: { readonly id: string; readonly hash: string },
  folder: ExperimentFolder,
  write: Parameters<typeof commitUnit>[0]["write"],
): Promise<void> {
  const origin = {
    stage: "experiment",
    unit: 0,
    idStart: 0,
    idEnd: 0,
    configHash: hash,
    models: {},
    createdBy: programVersion,
  };
  await commitUnit({ dataPath, receiptPath: folder.receipt(id), origin, write });
}

/** Why a run failed, or undefined if it did not fail. */
export async function readFailure(folder: ExperimentFolder, id: string): Promise<string | undefined> {
  const path = folder.failure(id);
  const text = await readTextIfAny(path);
  return text === undefined ? undefined : String(unsealJson(text, path)["line"]);
}
