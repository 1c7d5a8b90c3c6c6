import { Cifar5mError } from "../../../core/errors.ts";
import { quoteWord } from "../../../core/quote-word.ts";
import { runFolderAt } from "../../run/run-folder.ts";
import type { ClusterJob, Resources } from "../cluster-jobs.ts";
import { logPath } from "../submission-record.ts";
import { noticeSeconds, reserveSeconds } from "./walltime.ts";

/** What a script is made from. */
export interface ScriptOptions {
  readonly job: ClusterJob;
  /** The run folder, absolute. */
  readonly root: string;
  /** Number of ranks. */
  readonly tasks: number;
  /** What starts the program: its words, or a line of shell. */
  readonly program: readonly string[] | string;
  /** Arguments after the command and its folder. */
  readonly args: readonly string[];
  readonly resources: Resources;
  /** As the user wrote it, and in seconds. */
  readonly time: { readonly text: string; readonly seconds: number };
  readonly partition: string | undefined;
  readonly maxRequeues: number;
  /** A line of shell that prepares a node, such as `module load nodejs`. */
  readonly setup: string | undefined;
  /** Words after `--`, for sbatch. */
  readonly sbatchOptions: readonly string[];
}

/** How jobs of a run are known in the queue, whoever submitted them. */
export function commentOf(root: string): string {
  return `cifar5m ${root}`;
}

/** The name of a job in the queue. */
export function jobNameOf(name: ClusterJob["name"]): string {
  return `cifar5m-${name}`;
}

/** A batch script of one job. It may be read, and submitted by hand. */
export function sbatchScript(options: ScriptOptions): string {
  const { job, root, tasks, time, resources, partition, setup, maxRequeues, sbatchOptions } = options;
  const log = logPath(runFolderAt(root), job.name, job.isShared ? "%a" : undefined);
  const directives = [
    `--job-name=${jobNameOf(job.name)}`,
    `--comment=${quoteDirective(commentOf(root))}`,
    ...(job.isShared ? [`--array=0-${tasks - 1}`] : []),
    `--output=${quoteDirective(escapePattern(log))}`,
    "--open-mode=append",
    "--requeue",
    `--signal=TERM@${noticeSeconds(time.seconds)}`,
    "--kill-on-invalid-dep=yes",
    `--time=${time.text}`,
    "--ntasks=1",
    `--cpus-per-task=${resources.cpus}`,
    `--mem=${resources.memoryMib}M`,
    ...(resources.gpus > 0 ? [`--gpus=${resources.gpus}`] : []),
    ...(partition === undefined ? [] : [`--partition=${quoteDirective(partition)}`]),
    ...joinOptions(sbatchOptions),
  ];
  const task = job.isShared ? `, task $SLURM_ARRAY_TASK_ID of ${tasks}` : "";
  // The id of an array's last task is that of the whole array: SLURM_JOB_ID would ask for all tasks, and requeue them.
  const id = job.isShared ? `"\${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID"` : '"$SLURM_JOB_ID"';
  const worker = `export CIFAR5M_RANK="\${SLURM_ARRAY_TASK_ID:?}" CIFAR5M_WORLD_SIZE=${tasks}`;
  const deadline = [
    "# Work that cannot end before this time is not begun. Slurm before 23.02 does not tell the end by itself.",
    `end="\${SLURM_JOB_END_TIME:-}"`,
    // For no text at all, date gives the last midnight.
    `[ -n "$end" ] || { at="$(squeue -h -j "$job" -o %e)" && [ -n "$at" ] && end="$(date -d "$at" +%s)"; }`,
    `[ -z "$end" ] || export CIFAR5M_DEADLINE=$((end - ${reserveSeconds(time.seconds)}))`,
  ];
  return `${[
    "#!/bin/bash",
    "# Written by `cifar5m submit slurm`. It can be submitted by hand too.",
    ...directives.map((directive) => `#SBATCH ${directive}`),
    "",
    `job=${id}`,
    ...(job.isShared ? [worker] : []),
    ...(job.stages.length > 0 ? deadline : []),
    ...(setup === undefined ? [] : [setup]),
    "",
    `echo "== ${job.name}${task}, job $job, on $SLURMD_NODENAME at $(date '+%F %T')"`,
    `srun --cpus-per-task=${resources.cpus} ${commandLine(options)}`,
    "code=$?",
    `echo "== ${job.name}${task}, ended with $code at $(date '+%F %T')"`,
    "",
    "# 130: ended in order before the walltime or for a job of higher priority; 143: before it had begun. What is finished is",
    "# kept: back into the queue, unless somebody cancelled the job.",
    `if { [ $code -eq 130 ] || [ $code -eq 143 ]; } && [ "\${SLURM_RESTART_COUNT:-0}" -lt ${maxRequeues} ] &&`,
    '  [ "$(squeue -h -j "$job" -o %T)" = RUNNING ]; then',
    '  scontrol requeue "$job" && sleep 300',
    "fi",
    "exit $code",
  ].join("\n")}\n`;
}

function commandLine({ job, root, program, args }: ScriptOptions): string {
  const words = [job.name, "--run", root, ...job.args, ...args].map(quoteWord).join(" ");
  return `${typeof program === "string" ? program : program.map(quoteWord).join(" ")} ${words}`;
}

/** A value of a line for sbatch. @throws Cifar5mError `usage/wrong` if it has line breaks or the like */
function quoteDirective(value: string): string {
  if (/\p{Cc}/u.test(value)) {
    throw new Cifar5mError(
      "usage/wrong",
      `what a batch script names must be on one line, without control characters, got ${JSON.stringify(value)}. Choose another name.`,
    );
  }
  return /^[\w@%+=:,./-]+$/.test(value) ? value : `"${value.replaceAll(/["\\]/g, "\\$&")}"`;
}

/** In a file name, Slurm replaces `%a` and the like. */
function escapePattern(path: string): string {
  return path.replaceAll("%", "%%").replace(/%%a\.log$/, "%a.log");
}

/** `--account x --exclusive` as two lines. */
function joinOptions(words: readonly string[]): string[] {
  const lines: string[] = [];
  for (const word of words) {
    if (word.startsWith("-") || lines.length === 0) lines.push(quoteDirective(word));
    else lines.push(`${lines.pop()} ${quoteDirective(word)}`);
  }
  return lines;
}
