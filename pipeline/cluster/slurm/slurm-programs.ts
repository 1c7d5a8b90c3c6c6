import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { Cifar5mError, messageOf } from "../../../core/errors.ts";
import { isNoProgram } from "../../run-program.ts";
import { clusterJobs } from "../cluster-jobs.ts";
import { slurmEnvironment } from "./reserved-options.ts";
import { commentOf, jobNameOf } from "./sbatch-script.ts";

const execute = promisify(execFile);

/** What the queue says of a task. */
export interface QueuedTask {
  /** Of the job, or of the whole array. */
  readonly jobId: string;
  /** Undefined for a job that is not an array. */
  readonly rank: number | undefined;
  /** `PENDING`, `RUNNING`, `FAILED`, … */
  readonly state: string;
  /** Whether it ever ran. */
  readonly hasBegun: boolean;
  /** How often it was put back into the queue. */
  readonly restarts: number;
  /** Why it waits, such as `Priority`. */
  readonly reason: string;
}

/** A partition of the cluster. */
export interface Partition {
  readonly name: string;
  readonly isDefault: boolean;
  /** Longest walltime, as Slurm writes it: `1:00:00`, `infinite`. */
  readonly timeLimit: string;
}

/**
 * Runs one of Slurm's programs.
 * @returns what it printed
 * @throws Cifar5mError `submit/no-scheduler` if there is no such program; `submit/refused` with what it said
 */
export async function runSlurm(program: string, args: readonly string[]): Promise<string> {
  try {
    return (await execute(program, args, { maxBuffer: 2 ** 28, env: slurmEnvironment() })).stdout;
  } catch (thrown) {
    if (isNoProgram(thrown)) {
      throw new Cifar5mError(
        "submit/no-scheduler",
        `${program} must be on the PATH, and is not: this machine has no Slurm. Submit on a login node of the cluster, or look at the scripts with --dry-run.`,
      );
    }
    const said = typeof thrown === "object" && thrown !== null && "stderr" in thrown ? String(thrown.stderr) : "";
    const lines = said.split("\n").flatMap((line) => line.replace(/^\w+: (error: )?/, "").trim() || []);
    const reason = (lines.length === 0 ? messageOf(thrown) : lines.join("; ")).replace(/\.$/, "");
    throw new Cifar5mError(
      "submit/refused",
      `${program} refused: ${reason}. Correct that, or work on a login node of the cluster, and run the same command again: nothing is lost.`,
    );
  }
}

/**
 * Hands a script to the scheduler.
 * @param options.script - its path
 * @param options.words - options that the script has as well; here they win over the environment
 * @returns the id of the job
 */
export async function submitScript(options: {
  readonly script: string;
  readonly words: readonly string[];
  readonly array?: string;
  readonly dependency?: string;
}): Promise<string> {
  const { script, words, array, dependency } = options;
  const printed = await runSlurm("sbatch", [
    "--parsable",
    ...words,
    ...(array === undefined ? [] : [`--array=${array}`]),
    ...(dependency === undefined ? [] : [`--dependency=${dependency}`]),
    script,
  ]);
  const [jobId = ""] = printed.trim().split(";");
  return jobId;
}

const columns = ["ArrayJobID", "ArrayTaskID", "State", "RestartCnt", "TimeUsed", "Reason"];

/** The tasks of our kind of jobs that the scheduler remembers, ended ones too: for five minutes, or as it is set up. */
export async function listTasks(): Promise<readonly QueuedTask[]> {
  const names = clusterJobs.map(({ name }) => jobNameOf(name)).join(",");
  const format = columns.map((column) => `${column}:40`).join(",");
  const printed = await runSlurm("squeue", ["-h", "-r", "-t", "all", `--name=${names}`, "-O", format]);
  return printed.split("\n").flatMap((line) => {
    const [jobId, rank = "", state = "", restarts = "", timeUsed = "", ...reason] = line.trim().split(/\s+/);
    if (jobId === undefined || jobId === "") return [];
    const hasBegun = /[1-9]/.test(timeUsed) || Number(restarts) > 0;
    const task = { jobId, state, hasBegun, restarts: Number(restarts) || 0, reason: reason.join(" ") };
    return [{ ...task, rank: /^\d+$/.test(rank) ? Number(rank) : undefined }];
  });
}

/** Ids of the jobs of a run that are in the queue and have not ended, whoever submitted them. @param root - absolute */
export async function listOpenJobs(root: string): Promise<readonly string[]> {
  const names = clusterJobs.map(({ name }) => jobNameOf(name)).join(",");
  const printed = await runSlurm("squeue", ["-h", `--name=${names}`, "-o", "%F %k"]);
  const lines = printed.split("\n").map((line) => line.trim());
  const ours = lines.filter((line) => line.replace(/^\S+ /, "") === commentOf(root));
  return [...new Set(ours.map((line) => line.split(" ", 1)[0]!))].sort((a, b) => Number(a) - Number(b));
}

export async function listPartitions(): Promise<readonly Partition[]> {
  const printed = await runSlurm("sinfo", ["-h", "-o", "%P|%l"]);
  return printed
    .trim()
    .split("\n")
    .map((line) => {
      const [name = "", timeLimit = ""] = line.split("|");
      return { name: name.replace(/\*$/, ""), isDefault: name.endsWith("*"), timeLimit };
    });
}

/** One more than the highest rank of an array. */
export async function readMaxArraySize(): Promise<number> {
  const printed = await runSlurm("scontrol", ["show", "config"]);
  return Number(/^MaxArraySize\s*=\s*(\d+)/m.exec(printed)?.[1] ?? 1001);
}
