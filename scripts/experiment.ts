import * as z from "zod";
import { closeOnError } from "../core/close-on-error.ts";
import {
  compareWorlds,
  describeStep,
  type Experiment,
  type ExperimentContext,
  experimentFolderAt,
  gatherResults,
  keepConfig,
  openExperiment,
  type PlannedRun,
  readResults,
  requireNoFailures,
  runNamer,
  runPlanned,
  shareOfRuns,
  showEstimate,
  statusOf,
  writeReport,
} from "../experiments/index.ts";
import { findLiveSource } from "../pipeline/models/find-live-source.ts";
import type { Step } from "../pipeline/run/step.ts";
import { trainingCounter } from "../pipeline/run/training-counter.ts";
import { defineCommand, type Session } from "./cli/command.ts";
import { option, optionalPath } from "./cli/options.ts";
import { printCells, printJson, printLines } from "./cli/print.ts";

const experimentFile = optionalPath("the experiment file", "the one that the run folder was used with before");

const runOptions = z.object({
  experiment: experimentFile,
  threads: z
    .int()
    .min(1)
    .optional()
    .meta(
      option("CPU threads of this worker; several workers on one machine are fastest with a part of the cores each", {
        fallback: "every core",
      }),
    ),
});

const listOptions = z.object({ experiment: experimentFile });

const listReport = z.strictObject({
  runs: z
    .array(
      z.strictObject({
        id: z.string(),
        status: z.enum(["done", "failed", "open"]),
        label: z.string(),
        options: z.looseObject({}),
      }),
    )
    .describe("of each run: id, status (done, failed or open), label, and its resolved options"),
});

const compareReport = z.strictObject({
  comparisons: z
    .array(z.looseObject({}))
    .describe(
      "of each setting and test set: options, set, numConverged, convergedStep, step, and estimates (mean, margin, numTrials) " +
        "of trainSoftError, real, ideal, gap, finalReal, finalIdeal",
    ),
});

const interruption = {
  stopping: "stopping after the current steps",
  stopped: "the runs so far are kept; run again to go on",
};

export const experimentRunCommand = defineCommand({
  words: ["experiment", "run"],
  describe: "do all runs of an experiment file, or go on with them",
  examples: [
    { line: "cifar5m experiment run sweep.json runs/sweep", effect: "begin, or go on" },
    {
      line: "cifar5m experiment run runs/sweep --rank 1 --world-size 2",
      effect: "go on, as the second of two workers",
    },
  ],
  positional: "experiment",
  hasWorkers: true,
  options: runOptions,
  interruption,
  dryRun: (session) => listRuns(session),
  steps: async ({ root, options, context: { rank, worldSize } }) => {
    const experiment = await openExperiment(root, options.experiment, findLiveSource);
    const mine = shareOfRuns(experiment.runs, { rank, worldSize });
    // Now, and not in some hours, when the first run needs it.
    if (mine.some(({ options: { world } }) => world === "ideal")) {
      await closeOnError(experiment.data, async () => experiment.data.live?.load());
    }
    await keepConfig(experiment);
    const nameOf = runNamer(experiment.runs);
    const failures: string[] = [];
    return [
      ...mine.map((run, index) =>
        stepOf(
          { ...experiment, numThreads: options.threads },
          run,
          `${index + 1}/${mine.length} ${nameOf(run.options).label}`,
          failures,
        ),
      ),
      {
        name: "results",
        total: 0,
        async *run() {
          await gatherResults(experiment);
          await experiment.data.close();
          yield requireNoFailures(failures, mine.length);
        },
      },
    ];
  },
});

export const experimentListCommand = defineCommand({
  words: ["experiment", "list"],
  describe: "list the runs of an experiment, and which are done",
  examples: [{ line: "cifar5m experiment list runs/sweep", effect: "id, status and options of each, by tabs" }],
  positional: "experiment",
  options: listOptions,
  report: listReport,
  finish: (session) => listRuns(session),
});

export const experimentCompareCommand = defineCommand({
  words: ["experiment", "compare"],
  describe: "print real and ideal world side by side",
  examples: [{ line: "cifar5m experiment compare runs/sweep", effect: "soft errors where the real world converged" }],
  report: compareReport,
  finish: async ({ root, json }) => {
    const { runs } = await readResults(experimentFolderAt(root).results);
    const comparisons = compareWorlds(runs);
    if (json) return printJson({ comparisons });
    if (comparisons.length === 0)
      return printLines("no setting was run in both worlds yet, so there is nothing to compare");
    const nameOf = runNamer(runs);
    const lines = comparisons.map((comparison) => {
      const { options, set, real, ideal, gap, finalReal, finalIdeal } = comparison;
      const { network, settingOfRow } = nameOf(options);
      const estimates = [real, ideal, gap, finalReal, finalIdeal].map(showEstimate);
      return [network, settingOfRow, String(options.numSamples), set, describeStep(comparison), ...estimates];
    });
    const header = [
      "network",
      "setting",
      "N",
      "set",
      "step",
      "real",
      "ideal",
      "gap",
      "real at the end",
      "ideal at the end",
    ];
    for (const cells of [header, ...lines]) printCells(cells);
  },
});

export const experimentReportCommand = defineCommand({
  words: ["experiment", "report"],
  describe: "draw the figures of an experiment, and a page with all of it",
  examples: [{ line: "cifar5m experiment report runs/sweep", effect: "runs/sweep/report/" }],
  finish: async ({ root }) => printLines(await writeReport(root)),
});

async function listRuns({ root, options, json }: Session<z.output<typeof listOptions>>): Promise<void> {
  const experiment = await openExperiment(root, options.experiment, findLiveSource);
  const nameOf = runNamer(experiment.runs);
  const runs: z.output<typeof listReport>["runs"] = [];
  try {
    for (const run of experiment.runs) {
      runs.push({
        id: run.id,
        status: await statusOf(experiment, run),
        label: nameOf(run.options).label,
        options: { ...run.options },
      });
    }
  } finally {
    await experiment.data.close();
  }
  if (json) return printJson({ runs });
  for (const { id, status, label } of runs) printCells([id, status, label]);
}

function stepOf(
  experiment: Experiment & Pick<ExperimentContext, "numThreads">,
  run: PlannedRun,
  name: string,
  failures: string[],
): Step {
  const { steps, batchSize, pretraining } = run.options;
  const total = (steps + (pretraining?.steps ?? 0)) * batchSize;
  return {
    name,
    total,
    async *run(context) {
      const counters = new Map<string, ReturnType<typeof trainingCounter>>();
      const outcome = await runPlanned(run, {
        ...experiment,
        signal: context.signal,
        tell: context.tell,
        onProgress: (id, progress) => {
          const count = counters.get(id) ?? trainingCounter(context, name);
          counters.set(id, count);
          count(progress);
        },
        onKept: (images) => context.count(`${name}/kept`, images),
      });
      if (outcome.kind === "kept") context.count(`${name}/kept`, total);
      // So that these results can be looked at while the other runs go on.
      if (outcome.kind === "done") await gatherResults(experiment);
      if (outcome.kind === "failed") failures.push(`${run.id} (${outcome.line})`);
      yield outcome;
    },
  };
}
