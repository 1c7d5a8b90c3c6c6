import { setTimeout as sleep } from "node:timers/promises";
import * as z from "zod";
import { Cifar5mError } from "../core/errors.ts";
import { tailLine } from "../pipeline/cluster/slurm/submit-to-slurm.ts";
import { type RunStatus, readStatus } from "../pipeline/status/read-status.ts";
import { taskStateNames } from "../pipeline/status/task-states.ts";
import { defineCommand, type Session } from "./cli/command.ts";
import { flag } from "./cli/options.ts";
import { printJson, printLines } from "./cli/print.ts";
import { runIfMain } from "./cli/run-if-main.ts";
import { summarizeStatus } from "./cli/summarize-status.ts";

/** Milliseconds between two looks of `--watch`. */
const watchMs = 10_000;

const options = z.object({ watch: flag("look again every ten seconds, until the data set is finished") });

const task = z.strictObject({
  job: z.string(),
  rank: z.int().nullable(),
  jobId: z.string(),
  state: z.enum(taskStateNames),
  schedulerState: z.string().nullable(),
  reason: z.string().nullable(),
  restarts: z.int(),
});

const report = z.strictObject({
  location: z.string().describe("what was looked at"),
  isPrepared: z.boolean().describe("whether configuration, models and batch size are there"),
  stages: z
    .array(
      z.strictObject({
        name: z.string(),
        numDone: z.int(),
        numUnits: z.int(),
        imagesLeft: z.int(),
        imagesPerSecond: z.number().nullable(),
        secondsLeft: z.number().nullable(),
      }),
    )
    .describe("name, numDone, numUnits, imagesLeft, imagesPerSecond and secondsLeft of each stage; null where unknown"),
  trainings: z
    .array(
      z.strictObject({
        name: z.enum(["generator", "labeler"]),
        images: z.int(),
        imagesInAll: z.int().nullable(),
        isUnderWay: z.boolean(),
      }),
    )
    .describe("name, images, imagesInAll and isUnderWay of each training that has begun and has not ended"),
  isFinished: z
    .boolean()
    .describe("whether the data set has its manifest, and of a submitted run, whether it is also checked and uploaded"),
  misfit: z.string().nullable().describe("what is wrong with the manifest and what to do; null if nothing is"),
  tasks: z
    .array(task)
    .nullable()
    .describe("job, rank, jobId, state, schedulerState, reason and restarts of each task; null where nobody can tell"),
  failed: z
    .array(
      z.strictObject({ job: z.string(), rank: z.int().nullable(), log: z.string(), lastLine: z.string().nullable() }),
    )
    .describe("job, rank, log and lastLine of tasks that failed, the first twenty"),
  tail: z.string().nullable().describe("command that shows the newest lines of all logs; null without a submission"),
});

export const statusCommand = defineCommand({
  words: ["status"],
  describe: "print how far a run is: units, speed and time left of each stage, running and failed tasks",
  examples: [
    { line: "cifar5m status runs/mine", effect: "of all workers" },
    { line: "cifar5m status runs/mine --rank 3 --world-size 64", effect: "of one worker" },
  ],
  bucketRun: "opened",
  checksConfig: true,
  hasWorkers: true,
  options,
  report,
  interruption: { stopping: "stopping to watch", stopped: "the jobs go on." },
  finish: async (session) => {
    const { json, options: given, signal, root } = session;
    if (json && given.watch) {
      throw new Cifar5mError(
        "usage/contradiction",
        "--json prints one report and --watch many. Leave one of them out.",
      );
    }
    let isRead = true;
    // Nobody watches any more: `cifar5m status --watch | head`.
    process.stdout.once("error", () => {
      isRead = false;
    });
    for (;;) {
      const status = await readStatus(session.folder, session.context);
      if (json) return printJson(reportOf(root, status, session));
      printLines(...summarizeStatus(status, session.folder));
      if (!given.watch || status.isFinished || status.misfit !== undefined || !isRead) return;
      await sleep(watchMs, undefined, { signal });
      printLines("");
    }
  },
});

function reportOf(location: string, status: RunStatus, { folder }: Pick<Session<unknown>, "folder">) {
  const { isPrepared, trainings, stages, isFinished, misfit = null, tasks, failed, submission } = status;
  const found: z.output<typeof report> = {
    location,
    isPrepared,
    isFinished,
    misfit,
    trainings: trainings.map(({ command: _, imagesInAll = null, ...training }) => ({ ...training, imagesInAll })),
    stages: stages.map(({ imagesPerSecond: rate = null, ...stage }) => ({
      ...stage,
      imagesPerSecond: rate,
      secondsLeft: stage.imagesLeft === 0 ? 0 : rate === null ? null : stage.imagesLeft / rate,
    })),
    tasks:
      tasks?.map(({ rank = null, schedulerState = null, reason = null, ...one }) => ({
        ...one,
        rank,
        schedulerState,
        reason,
      })) ?? null,
    failed: failed.map(({ job, rank = null, log, lastLine = null }) => ({ job, rank, log, lastLine })),
    tail: submission === undefined ? null : tailLine(folder),
  };
  return found;
}

await runIfMain(import.meta.url, statusCommand);
