import { formatCount, formatPercent } from "../../core/format.ts";
import { quoteWord } from "../../core/quote-word.ts";
import { tailLine } from "../../pipeline/cluster/slurm/submit-to-slurm.ts";
import type { RunFolder } from "../../pipeline/run/run-folder.ts";
import { adviseUnfinished, describeTrained, type UnfinishedTraining } from "../../pipeline/run/unfinished-training.ts";
import type { RunStatus, StageStatus } from "../../pipeline/status/read-status.ts";
import type { TaskStatus } from "../../pipeline/status/task-states.ts";
import { formatDuration } from "./format.ts";
import { formatTable } from "./format-table.ts";

/** Reasons to wait that say nothing. */
const plainReasons = ["", "None", "(null)", "Dependency", "Priority", "Resources"];

/** How far a run is, as lines of text. */
export function summarizeStatus(status: RunStatus, folder: RunFolder): string[] {
  const { stages, isPrepared, isFinished, tasks, failed, submission, trainings } = status;
  const rows = stages.map((stage, index) => [
    stage.name,
    `${formatCount(stage.numDone)} of ${formatCount(stage.numUnits)} units`,
    describePart(stage),
    join([describeSpeed(stage, stages[index - 1], tasks), describeTasks(tasks, stage.name)]),
  ]);
  const simple = (name: string, isDone: boolean, otherwise = "not yet") => [
    name,
    isDone ? "done" : otherwise,
    "",
    describeTasks(tasks, name),
  ];
  // Who builds without a cluster prepares nothing.
  const isLeftOut = submission === undefined && stages.some(({ numDone }) => numDone > 0);
  return [
    ...formatTable(
      [simple("prepare", isPrepared, isLeftOut ? "not needed" : undefined), ...rows, simple("finish", isFinished)],
      { numbers: false },
    ),
    ...trainings.map(describeTraining),
    ...failed.map(describeFailed),
    ...(submission === undefined || isFinished ? [] : [`logs: ${tailLine(folder)}`]),
    ...describeNext(status, folder),
  ];
}

function describeNext(
  { tasks, submission, isFinished, misfit }: RunStatus,
  { root }: Pick<RunFolder, "root">,
): string[] {
  if (misfit !== undefined) return [misfit];
  if (isFinished) return ["finished"];
  if (submission === undefined) return [];
  if (tasks === undefined) return ["tasks: unknown, for this machine cannot ask Slurm"];
  const isOpen = tasks.some(({ state }) => state === "queued" || state === "running");
  if (isOpen) return [];
  const again = `cifar5m submit slurm ${quoteWord(root)}`;
  return [`no job is in the queue: \`${again}\`, with the same options, submits what is missing`];
}

function describeTraining(training: UnfinishedTraining): string {
  const { name, isUnderWay } = training;
  const next = isUnderWay ? "a process is at work on it" : adviseUnfinished(training);
  return `training of the ${name}: unfinished, at ${describeTrained(training)}. ${next}`;
}

function describePart({ numDone, numUnits }: StageStatus): string {
  return numUnits === 0 ? "" : formatPercent(numDone / numUnits);
}

function describeSpeed(
  { numDone, imagesLeft, imagesPerSecond: rate }: StageStatus,
  before: StageStatus | undefined,
  tasks: RunStatus["tasks"],
): string {
  if (imagesLeft === 0) return "";
  if (numDone === 0 && before !== undefined && before.imagesLeft > 0) return `waits for ${before.name}`;
  if (rate === undefined) return "";
  const isStopped = tasks !== undefined && !tasks.some(({ state }) => state === "running");
  const speed = `${formatCount(Number(rate.toPrecision(3)))} images/s`;
  return isStopped ? "" : `${speed}, ${formatDuration((1000 * imagesLeft) / rate)} left`;
}

function describeTasks(tasks: RunStatus["tasks"], name: string): string {
  const ofJob = (tasks ?? []).filter(({ job }) => job === name);
  const inState = (state: TaskStatus["state"]) => ofJob.filter((task) => task.state === state);
  const queued = inState("queued");
  const again = queued.filter(({ restarts }) => restarts > 0).length;
  const first = queued.length - again;
  const reasons = [...new Set(queued.flatMap(({ reason = "" }) => (plainReasons.includes(reason) ? [] : [reason])))];
  const why = reasons.length === 0 ? "" : ` (${reasons.join(", ")})`;
  return join([
    count(inState("running").length, "running"),
    first === 0 && again === 0 ? "" : join([count(first, "queued"), count(again, "queued again")]) + why,
    count(inState("failed").length, "failed"),
    count(inState("dropped").length, "dropped"),
  ]);
}

function describeFailed({ job, rank, jobId, schedulerState, lastLine, log }: RunStatus["failed"][number]): string {
  const name = rank === undefined ? `${job}, job ${jobId}` : `${job} rank ${rank}, job ${jobId}_${rank}`;
  const said = lastLine === undefined ? "it left no log" : `${lastLine} (${log})`;
  return `failed: ${name}${schedulerState === undefined ? "" : `, ${schedulerState}`}: ${said}`;
}

function count(value: number, what: string): string {
  return value === 0 ? "" : `${formatCount(value)} ${what}`;
}

function join(parts: readonly string[]): string {
  return parts.filter((part) => part !== "").join(", ");
}
