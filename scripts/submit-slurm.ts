import { access, realpath } from "node:fs/promises";
import { extname, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import * as z from "zod";
import { quoteWord } from "../core/quote-word.ts";
import { resourcesOf } from "../pipeline/cluster/cluster-jobs.ts";
import { formatRanks } from "../pipeline/cluster/plan-submission.ts";
import type { SlurmRequest } from "../pipeline/cluster/slurm/require-cluster.ts";
import { partitionVariable, requireUnreserved } from "../pipeline/cluster/slurm/reserved-options.ts";
import { sbatchScript } from "../pipeline/cluster/slurm/sbatch-script.ts";
import { scriptPath, submitToSlurm, tailLine } from "../pipeline/cluster/slurm/submit-to-slurm.ts";
import { parseWalltime, workSeconds } from "../pipeline/cluster/slurm/walltime.ts";
import { readRecordIfAny, requireTasks } from "../pipeline/cluster/submission-record.ts";
import { plannedUnits, requireOpenable } from "../pipeline/run/run.ts";
import { runFolderAt } from "../pipeline/run/run-folder.ts";
import { requireTarget } from "../shards/publish/open-target.ts";
import { diskError } from "../storage/disk-error.ts";
import { makeFolder } from "../storage/durable-folder.ts";
import { absolutePath } from "../storage/join-path.ts";
import { clusterOptions, countGpus, jobsWithArguments, parseMemory } from "./cli/cluster-options.ts";
import { defineCommand, type Session } from "./cli/command.ts";
import { option } from "./cli/options.ts";
import { printLines } from "./cli/print.ts";
import { runIfMain } from "./cli/run-if-main.ts";
import { buildKeys, requireUse } from "./cli/source-options.ts";
import { requireUploadable } from "./cli/upload-steps.ts";

const options = z.object({
  ...clusterOptions,
  time: z
    .string()
    .refine((text) => parseWalltime(text) !== undefined, "must be a time as Slurm writes it")
    .default("4:00:00")
    .meta(option("walltime of a task", { advice: "Write it like 4:00:00, or 90 for minutes." })),
  partition: z
    .string()
    .optional()
    .meta(option("partition of all jobs", { fallback: "$SBATCH_PARTITION, or the cluster's" })),
  cpuPartition: z
    .string()
    .optional()
    .meta(option("partition of the jobs that need no GPU: dedup, publish, finish", { fallback: "--partition" })),
  maxRequeues: z
    .int()
    .min(0)
    .default(100)
    .meta(option("how often a task that was interrupted goes back into the queue")),
  setup: z.string().optional().meta(option('line of shell before the program, such as "module load nodejs"')),
  command: z
    .string()
    .optional()
    .meta(option("what starts cifar5m on a node, a line of shell", { fallback: "this program" })),
});
type Options = z.output<typeof options>;

export const submitSlurmCommand = defineCommand({
  words: ["submit", "slurm"],
  describe: "submit the jobs that a run misses to Slurm: all of it, or what failed",
  examples: [
    {
      line: "cifar5m submit slurm runs/mine --tasks 64 --device cuda --time 4:00:00",
      effect: "64 tasks of one GPU; again after a failure: only what is missing",
    },
    { line: "cifar5m submit slurm runs/mine --tasks 64 --dry-run", effect: "print the scripts" },
  ],
  configKeys: buildKeys,
  interruption: { stopping: "cancelling what was submitted", stopped: "no job of this submission is in the queue." },
  options,
  extraWords: "options of sbatch for all jobs, such as --account=lab",
  dryRun: async (session) => {
    const { folder, scripts } = await plan(session, resolve(session.root));
    for (const [name, script] of scripts) printLines(`# ${scriptPath(folder, name)}`, ...script.split("\n"));
  },
  finish: async (session) => {
    const { config, options: given, signal } = session;
    for (const path of [given.data, given.generator, given.guide, given.labeler]) {
      if (path !== undefined) await requireThere(path);
    }
    if (given.to !== undefined) requireTarget(given.to);
    requireUploadable(session.root, given.to);
    const { folder, scripts, ...planned } = await plan(session, await openFolder(session.root));
    const uploads = given.to !== undefined;
    const jobs = await submitToSlurm({ ...planned, folder, config, scripts, uploads, signal });
    if (jobs.length === 0) return printLines(`nothing is missing: ${folder.root} is finished`);
    for (const { name, jobId, ranks } of jobs) {
      printLines(`${name.padEnd(8)} job ${jobId}${ranks === undefined ? "" : `, ranks ${formatRanks(ranks)}`}`);
    }
    if (planned.to !== undefined && !uploads) printLines(`upload: ${planned.to}, as before`);
    printLines(`logs: ${tailLine(folder)}`, `progress: cifar5m status ${quoteWord(session.root)}`);
  },
});

/** The run folder as all nodes see it. */
async function openFolder(root: string): Promise<string> {
  try {
    await makeFolder(resolve(root));
    return await realpath(root);
  } catch (thrown) {
    throw diskError(thrown, "make", root);
  }
}

async function plan({ config, options: given, extraWords }: Session<Options>, root: string) {
  requireUse(given, config);
  requireUnreserved(extraWords);
  const folder = runFolderAt(root);
  await requireOpenable(folder, config);
  const numUnits = (await plannedUnits(folder, config)).length;
  const before = await readRecordIfAny(folder);
  const tasks = requireTasks(given.tasks, before, { folder, numUnits });
  const {
    time: text,
    partition = process.env[partitionVariable] || undefined,
    cpuPartition,
    setup,
    maxRequeues,
  } = given;
  // An upload that failed is asked for until it has succeeded.
  const to = given.to === undefined ? before?.to : absolutePath(given.to);
  const time = { text, seconds: parseWalltime(text)! };
  const request: SlurmRequest = { tasks, time, partition, cpuPartition };
  const perTask = { cpus: given.cpus, memoryMib: parseMemory(given.mem), gpus: countGpus(given.gpus, config) };
  const walltime = `0:${Math.floor(workSeconds(time.seconds))}`;
  const scripts = new Map(
    jobsWithArguments({ config, sources: given, walltime, to }).map(({ job, args }) => [
      job.name as string,
      sbatchScript({
        job,
        root,
        tasks,
        args,
        time,
        setup,
        maxRequeues,
        sbatchOptions: extraWords,
        program: given.command ?? thisProgram(),
        resources: resourcesOf(job, { perTask, numImages: config.count + config.testCount }),
        partition: job.usesDevice ? partition : (cpuPartition ?? partition),
      }),
    ]),
  );
  return { folder, request, scripts, sbatchOptions: extraWords, before, to };
}

/** Node and this installation's program, in whatever way it was started. */
function thisProgram(): readonly string[] {
  return [process.execPath, fileURLToPath(new URL(`cifar5m${extname(import.meta.url)}`, import.meta.url))];
}

async function requireThere(path: string): Promise<void> {
  await access(path).catch((thrown: unknown) => {
    throw diskError(thrown, "read", path);
  });
}

await runIfMain(import.meta.url, submitSlurmCommand);
