import { fileExists } from "../../storage/read-file.ts";
import { type ClusterJob, clusterJobs } from "../cluster/cluster-jobs.ts";
import { type RunProgress, ranksWithMissing, readProgress } from "../cluster/plan-submission.ts";
import { listTasks, type QueuedTask } from "../cluster/slurm/slurm-programs.ts";
import { logPath, readRecordIfAny, type SubmissionRecord } from "../cluster/submission-record.ts";
import { describeMisfit } from "../run/describe-misfit.ts";
import { noRun } from "../run/pinned-run.ts";
import { describeForgotten, findForgottenUnits } from "../run/require-known-units.ts";
import { type Run, readRun } from "../run/run.ts";
import type { RunFolder } from "../run/run-folder.ts";
import { findUnfinishedTrainings, type UnfinishedTraining } from "../run/unfinished-training.ts";
import { type UnitStage, unitStages } from "../run/unit-files.ts";
import { planUnits, type Unit, unitRows } from "../run/units.ts";
import { readLastLine } from "./last-line.ts";
import { measureRate } from "./stage-rate.ts";
import { type TaskStatus, taskStates } from "./task-states.ts";

/** How far a stage is. */
export interface StageStatus {
  readonly name: UnitStage;
  readonly numDone: number;
  readonly numUnits: number;
  /** Images in units that are not done. */
  readonly imagesLeft: number;
  /** Of all workers; undefined if nothing happens, or too little to tell. */
  readonly imagesPerSecond: number | undefined;
}

/** A task that failed, and where to read why. */
export interface FailedTask extends TaskStatus {
  readonly log: string;
  /** The last line of its log; undefined if there is none. */
  readonly lastLine: string | undefined;
}

/** How far a run is. */
export interface RunStatus {
  readonly isPrepared: boolean;
  /** Trainings that have begun and have not ended. */
  readonly trainings: readonly UnfinishedTraining[];
  /** Empty while the folder has trainings alone, and no run was begun in it. */
  readonly stages: readonly StageStatus[];
  readonly isFinished: boolean;
  /** What is wrong with the manifest, and what to do; undefined if it is that of the run, or there is none yet. */
  readonly misfit?: string | undefined;
  /** What was submitted to Slurm; undefined for a run that no `submit` submitted. */
  readonly submission: SubmissionRecord | undefined;
  /** Tasks of the newest submission; undefined if this machine cannot ask the scheduler. */
  readonly tasks: readonly TaskStatus[] | undefined;
  readonly failed: readonly FailedTask[];
}

/** Number of failed tasks whose logs are read. */
const maxFailed = 20;

/**
 * Reads how far a run is, finished or not, from its manifest and the names of its receipts. It writes nothing.
 * @param worker - one of the ranks, to see its share alone
 * @param askQueue - lists the tasks that the scheduler remembers. If it throws, the tasks are not known
 * @throws Cifar5mError `run/missing`; what reading run.json and submit/jobs.json throws
 */
export async function readStatus(
  folder: RunFolder,
  worker: { readonly rank: number; readonly worldSize: number } = { rank: 0, worldSize: 1 },
  askQueue: (submission: SubmissionRecord) => Promise<readonly QueuedTask[]> = listTasks,
): Promise<RunStatus> {
  const submission = await readRecordIfAny(folder);
  const trainings = await findUnfinishedTrainings(folder);
  if (trainings.length > 0 && submission === undefined && !(await hasRun(folder))) {
    const nothing = {
      isPrepared: false,
      stages: [],
      isFinished: false,
      misfit: undefined,
      tasks: undefined,
      failed: [],
    };
    return { ...nothing, trainings, submission };
  }
  const run = await readRunIfAny(folder, submission);
  const units = run?.units ?? planUnits([submission!.units], submission!.units.unitSize);
  const all = await readProgress(folder, units, submission);
  const misfit = run && (await findMisfit(run, all));
  const mine = all.units.filter(({ index }) => index % worker.worldSize === worker.rank);
  const progress = { ...all, units: mine };
  const numRanks = worker.worldSize > 1 ? worker.worldSize : submission?.tasks;
  const tasks = submission === undefined ? undefined : await askScheduler(submission, all, askQueue);
  const shown = tasks?.filter(({ rank }) => worker.worldSize === 1 || rank === worker.rank);
  return {
    isPrepared: all.isPrepared,
    trainings,
    stages: await Promise.all(unitStages.map((stage) => readStage(folder, stage, { progress, numRanks }))),
    isFinished: all.isFinished && misfit === undefined,
    misfit,
    submission,
    tasks: shown,
    failed: await describeFailed(folder, shown ?? []),
  };
}

async function hasRun({ config, manifest }: RunFolder): Promise<boolean> {
  return (await fileExists(config)) || (await fileExists(manifest));
}

/** The run; undefined if it is submitted and none of its jobs has begun it. */
async function readRunIfAny(folder: RunFolder, submission: SubmissionRecord | undefined): Promise<Run | undefined> {
  if (await fileExists(folder.config)) return await readRun(folder);
  if (submission === undefined || (await fileExists(folder.manifest))) throw await noRun(folder);
  return undefined;
}

async function findMisfit(run: Run, { manifest, done }: RunProgress): Promise<string | undefined> {
  const misfit = manifest && (await describeMisfit(run, manifest));
  if (misfit !== undefined) return `${run.folder.manifest} ${misfit}`;
  const forgotten = await findForgottenUnits(run, done.publish);
  return forgotten.size === 0 ? undefined : describeForgotten(run, forgotten);
}

async function readStage(
  folder: RunFolder,
  name: UnitStage,
  { progress, numRanks }: { readonly progress: RunProgress; readonly numRanks: number | undefined },
): Promise<StageStatus> {
  const isDone = (unit: Unit) => progress.done[name].has(unit.name);
  const done = progress.units.filter(isDone);
  const imagesLeft = progress.units.reduce((sum, unit) => sum + (isDone(unit) ? 0 : unitRows(unit)), 0);
  const isUnderWay = done.length > 0 && imagesLeft > 0;
  return {
    name,
    imagesLeft,
    numDone: done.length,
    numUnits: progress.units.length,
    imagesPerSecond: isUnderWay ? await measureRate({ folder, stage: name, done, numRanks }) : undefined,
  };
}

async function askScheduler(
  submission: SubmissionRecord,
  progress: RunProgress,
  askQueue: (submission: SubmissionRecord) => Promise<readonly QueuedTask[]>,
): Promise<TaskStatus[] | undefined> {
  let queued: readonly QueuedTask[];
  try {
    queued = await askQueue(submission);
  } catch {
    // A laptop that sees the folder, or a controller that does not answer.
    return undefined;
  }
  const missing = new Map(
    clusterJobs.map((job) => [job.name as string, new Set(ranksWithMissing(progress, job, submission.tasks))]),
  );
  return taskStates(submission, queued, (name, rank) => {
    const job = clusterJobs.find((one) => one.name === name);
    if (job === undefined) return false;
    return rank === undefined ? isJobMissing(job, progress) : missing.get(name)!.has(rank);
  });
}

/** Whether the work of a job of one task is missing. */
function isJobMissing(job: ClusterJob, progress: RunProgress): boolean {
  if (job.name === "prepare") return !progress.isPrepared;
  if (job.name === "finish") return !progress.isFinished;
  return ranksWithMissing(progress, job, 1).length > 0;
}

async function describeFailed(folder: RunFolder, tasks: readonly TaskStatus[]): Promise<FailedTask[]> {
  const failed = tasks.filter(({ state }) => state === "failed").slice(0, maxFailed);
  return await Promise.all(
    failed.map(async (task) => {
      const log = logPath(folder, task.job, task.rank);
      return { ...task, log, lastLine: await readLastLine(log) };
    }),
  );
}
