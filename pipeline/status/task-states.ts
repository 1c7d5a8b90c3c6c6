import type { QueuedTask } from "../cluster/slurm/slurm-programs.ts";
import type { SubmissionRecord } from "../cluster/submission-record.ts";

/** What became of a task of the newest submission; `dropped`: the scheduler took it out, for a job before it failed. */
export const taskStateNames = ["queued", "running", "ended", "failed", "dropped"] as const;
export type TaskState = (typeof taskStateNames)[number];

/** A task of the newest submission. */
export interface TaskStatus {
  readonly job: string;
  /** Undefined for a job of one task. */
  readonly rank: number | undefined;
  readonly jobId: string;
  readonly state: TaskState;
  /** What the scheduler calls it, such as `TIMEOUT`; undefined for a task that it has forgotten. */
  readonly schedulerState: string | undefined;
  /** Why it waits; undefined for one that does not. */
  readonly reason: string | undefined;
  /** How often it went back into the queue. */
  readonly restarts: number;
}

const waiting = ["PENDING", "REQUEUED", "REQUEUE_FED", "REQUEUE_HOLD", "SPECIAL_EXIT", "RESV_DEL_HOLD"];
const running = [
  ...["RUNNING", "COMPLETING", "CONFIGURING", "SUSPENDED", "STAGE_OUT", "SIGNALING", "STOPPED", "RESIZING"],
];

/**
 * The states of the tasks that were submitted last.
 * @param queued - tasks that the scheduler remembers
 * @param isMissing - whether work of a task is missing. A task that the scheduler has forgotten has failed if so
 */
export function taskStates(
  { jobs }: Pick<SubmissionRecord, "jobs">,
  queued: readonly QueuedTask[],
  isMissing: (job: string, rank: number | undefined) => boolean,
): TaskStatus[] {
  const found = new Map(queued.map((task) => [`${task.jobId} ${task.rank}`, task]));
  return jobs.flatMap(({ name, jobId, ranks }) =>
    (ranks ?? [undefined]).map((rank) => {
      const task = found.get(`${jobId} ${rank}`);
      const state = stateOf(task, isMissing(name, rank));
      return {
        job: name,
        rank,
        jobId,
        state,
        schedulerState: task?.state,
        reason: state === "queued" ? task?.reason : undefined,
        restarts: task?.restarts ?? 0,
      };
    }),
  );
}

function stateOf(task: QueuedTask | undefined, isMissing: boolean): TaskState {
  if (task !== undefined && waiting.includes(task.state)) return "queued";
  if (task !== undefined && running.includes(task.state)) return "running";
  // Units count, not the exit of the process: another worker may have done them.
  if (!isMissing) return "ended";
  return task?.state === "CANCELLED" && !task.hasBegun ? "dropped" : "failed";
}
