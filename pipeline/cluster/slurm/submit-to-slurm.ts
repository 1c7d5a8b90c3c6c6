import { join } from "node:path";
import { Cifar5mError, messageOf } from "../../../core/errors.ts";
import { quoteWord } from "../../../core/quote-word.ts";
import { replaceBytes } from "../../../storage/commit.ts";
import { diskError } from "../../../storage/disk-error.ts";
import { makeFolder } from "../../../storage/durable-folder.ts";
import { withLock } from "../../../storage/lock-file.ts";
import { fileExists } from "../../../storage/read-file.ts";
import { requireWalltime } from "../../prepare.ts";
import type { Config } from "../../run/config.ts";
import { openRun, plannedUnits } from "../../run/run.ts";
import type { RunFolder } from "../../run/run-folder.ts";
import { readSpeedIfAny } from "../../run/speed.ts";
import { clusterJobs } from "../cluster-jobs.ts";
import { formatRanks, type PlannedJob, planSubmission, readProgress, unitKeys } from "../plan-submission.ts";
import { restoreRecord, type SubmissionRecord, type SubmittedJob, writeRecord } from "../submission-record.ts";
import { requireCluster, type SlurmRequest } from "./require-cluster.ts";
import { listOpenJobs, runSlurm, submitScript } from "./slurm-programs.ts";
import { workSeconds } from "./walltime.ts";

/** A submission of what is missing of a run. */
export interface SubmissionOptions {
  /** Its root is absolute, without symbolic links. */
  readonly folder: RunFolder;
  readonly config: Config;
  readonly request: SlurmRequest;
  /** The scripts, by the names of the jobs. */
  readonly scripts: ReadonlyMap<string, string>;
  /** Words for sbatch that the user gave. */
  readonly sbatchOptions: readonly string[];
  /** What was submitted before. */
  readonly before: SubmissionRecord | undefined;
  /** Where the finished set is uploaded, absolute, and whether it is even if it was before. */
  readonly to: string | undefined;
  readonly uploads: boolean;
  readonly signal: AbortSignal;
}

/**
 * Submits the jobs that a run misses, and writes down their ids.
 * @returns the jobs; none if the run is finished
 * @throws Cifar5mError `submit/…`; then no job of this submission is left in the queue, except by `submit/half-submitted`
 */
export async function submitToSlurm(options: SubmissionOptions): Promise<readonly SubmittedJob[]> {
  const { folder, config, request, before, uploads } = options;
  await requireCluster(request);
  const speed = await readSpeedIfAny(folder);
  if (speed !== undefined) requireWalltime(config, speed, workSeconds(request.time.seconds));
  await makeLogFolder(join(folder.submit, "logs"));
  return await withLock(
    join(folder.submit, "lock"),
    async () => {
      await requireNoneOpen(folder.root);
      const progress = await readProgress(folder, await plannedUnits(folder, config), before);
      const planned = planSubmission(progress, { tasks: request.tasks, uploads });
      return planned.length === 0 ? [] : await submitAll(planned, options);
    },
    ({ host, pid, sinceMs }) =>
      new Cifar5mError(
        "submit/under-way",
        `only one submit at a time may work on ${folder.root}, and process ${pid} on ${host} has since ` +
          `${new Date(sinceMs).toISOString()}. Wait for it, then look at \`cifar5m status\`.`,
      ),
  );
}

async function makeLogFolder(path: string): Promise<void> {
  try {
    await makeFolder(path);
  } catch (thrown) {
    throw diskError(thrown, "make", path);
  }
}

async function requireNoneOpen(root: string): Promise<void> {
  const open = await listOpenJobs(root);
  if (open.length === 0) return;
  throw new Cifar5mError(
    "submit/still-queued",
    `no job of ${root} may be in the queue, and ${open.length} ${open.length === 1 ? "is" : "are"}: ${open.join(", ")}. ` +
      `Wait until they end, or cancel them: scancel ${open.join(" ")}`,
  );
}

async function submitAll(planned: readonly PlannedJob[], options: SubmissionOptions): Promise<SubmittedJob[]> {
  const { folder, config, request, scripts, sbatchOptions, before, to, signal } = options;
  for (const { name } of clusterJobs) await replaceBytes(scriptPath(folder, name), scripts.get(name)!);
  const jobs: SubmittedJob[] = [];
  try {
    for (const { name, ranks, ...after } of planned) {
      signal.throwIfAborted();
      const dependency = dependencyOf(jobs, after);
      const jobId = await submitScript({
        script: scriptPath(folder, name),
        words: sbatchOptions,
        ...(ranks === undefined ? {} : { array: formatRanks(ranks) }),
        ...(dependency === "" ? {} : { dependency }),
      });
      jobs.push({ name, jobId, ...(ranks === undefined ? {} : { ranks: [...ranks] }) });
      await writeRecord(folder, {
        tasks: request.tasks,
        units: unitKeys(config),
        ...(to === undefined ? {} : { to }),
        jobs,
      });
    }
    // A run that is to grow does so when nothing can be refused any more. A task that samples earlier lets it grow itself.
    if (await fileExists(folder.config)) await openRun(folder, config, { clean: false });
    return jobs;
  } catch (thrown) {
    // Half a chain would do half the work, and nobody would know why.
    if (jobs.length > 0) {
      await cancel(jobs, thrown);
      // What was refused binds no later call, as to the number of tasks.
      await restoreRecord(folder, before);
    }
    throw thrown;
  }
}

/** @param cause - why jobs are cancelled; if they cannot be, the error says that too */
async function cancel(jobs: readonly SubmittedJob[], cause: unknown): Promise<void> {
  const ids = jobs.map(({ jobId }) => jobId);
  try {
    await runSlurm("scancel", ids);
  } catch {
    throw new Cifar5mError(
      "submit/half-submitted",
      `${messageOf(cause)} The jobs before it could not be cancelled, and are in the queue: scancel ${ids.join(" ")}`,
      { cause },
    );
  }
}

/** After all jobs before, or some of them, or, task by task, after those of the same ranks. */
function dependencyOf(
  before: readonly SubmittedJob[],
  { after, afterRanksOf }: Pick<PlannedJob, "after" | "afterRanksOf">,
): string {
  const byRank = before.find(({ name }) => name === afterRanksOf);
  if (byRank !== undefined) return `aftercorr:${byRank.jobId}`;
  const awaited = before.filter(({ name }) => after === undefined || after.some((one) => one === name));
  return awaited.length === 0 ? "" : `afterok:${awaited.map(({ jobId }) => jobId).join(":")}`;
}

/** The path of a job's script. */
export function scriptPath({ submit }: Pick<RunFolder, "submit">, name: string): string {
  return join(submit, `${name}.sbatch`);
}

/** What shows the newest lines of all logs. */
export function tailLine({ submit }: Pick<RunFolder, "submit">): string {
  return `tail -F ${quoteWord(join(submit, "logs"))}/*.log`;
}
