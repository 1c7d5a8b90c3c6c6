import {
  compareWorlds,
  describeNetwork,
  type Experiment,
  type ExperimentContext,
  experimentFolderAt,
  gatherResults,
  keepConfig,
  labelOfRun,
  openExperiment,
  type PlannedRun,
  readResults,
  requireNoFailures,
  runPlanned,
  shareOfRuns,
  showEstimate,
  statusOf,
  writeReport,
} from "../experiments/index.ts";
import { openLiveSource } from "../pipeline/models/live-source.ts";
import type { Step } from "../pipeline/run/step.ts";
import type { Command, Session } from "./cli/command.ts";
import { wholeNumberOption } from "./cli/parse-option.ts";
import { printCells, printLines } from "./cli/print.ts";

const experimentOption = {
  experiment: {
    type: "string",
    requiresArg: true,
    describe: "the experiment file [default: the one the run folder was used with before]",
  },
} as const;

const interruption = {
  stopping: "stopping after the current steps",
  stopped: "the runs so far are kept; run again to go on",
};

export const experimentRunCommand: Command = {
  words: ["experiment", "run"],
  describe: "do all runs of an experiment file, or go on with them",
  positional: "experiment",
  configKeys: [],
  options: {
    ...experimentOption,
    threads: {
      type: "string",
      requiresArg: true,
      describe: "CPU threads of this worker; several on one machine are fastest with a part each [default: every core]",
    },
  },
  interruption,
  dryRun: listRuns,
  steps: async (session) => {
    const experiment = await openExperiment(session.root, session.option("experiment"), openLiveSource);
    const { rank, worldSize } = session.context;
    const mine = shareOfRuns(experiment.runs, { rank, worldSize });
    const numThreads = wholeNumberOption("threads", session.option("threads"), 1);
    await keepConfig(experiment);
    const failures: string[] = [];
    return [
      ...mine.map((run, index) => stepOf({ ...experiment, numThreads }, run, `${index + 1}/${mine.length}`, failures)),
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
};

export const experimentListCommand: Command = {
  words: ["experiment", "list"],
  describe: "list the runs of an experiment, and which are done",
  positional: "experiment",
  configKeys: [],
  options: experimentOption,
  finish: listRuns,
};

export const experimentCompareCommand: Command = {
  words: ["experiment", "compare"],
  describe: "print real and ideal world side by side",
  positional: "run",
  configKeys: [],
  finish: async ({ root }) => {
    const comparisons = compareWorlds((await readResults(experimentFolderAt(root).results)).runs);
    const lines = comparisons.map(({ options, set, step, numConverged, real, ideal, gap, ...last }) => [
      describeNetwork(options),
      options.augmentation,
      options.pretraining?.task ?? "-",
      String(options.numSamples),
      set,
      `${Math.round(step)}${numConverged === real.numTrials ? "" : " (not converged)"}`,
      showEstimate(real),
      showEstimate(ideal),
      showEstimate(gap),
      showEstimate(last.finalReal),
      showEstimate(last.finalIdeal),
    ]);
    const header = [
      "network",
      "augmentation",
      "pretraining",
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
};

export const experimentReportCommand: Command = {
  words: ["experiment", "report"],
  describe: "draw the figures of an experiment, and a page with all of it",
  positional: "run",
  configKeys: [],
  finish: async ({ root }) => {
    printLines(await writeReport(root));
  },
};

async function listRuns({ root, option }: Session): Promise<void> {
  const experiment = await openExperiment(root, option("experiment"), openLiveSource);
  for (const run of experiment.runs) {
    printCells([run.id, await statusOf(experiment, run), labelOfRun(run)]);
  }
  await experiment.data.close();
}

function stepOf(
  experiment: Experiment & Pick<ExperimentContext, "numThreads">,
  run: PlannedRun,
  place: string,
  failures: string[],
): Step {
  const name = `${place} ${labelOfRun(run)}`;
  const { steps, batchSize, pretraining } = run.options;
  return {
    name,
    total: (steps + (pretraining?.steps ?? 0)) * batchSize,
    async *run(context) {
      const counted = new Map<string, number>();
      const outcome = await runPlanned(run, {
        ...experiment,
        signal: context.signal,
        onProgress: ({ id, images, loss }) => {
          context.count(`${name}/images`, images - (counted.get(id) ?? 0));
          context.show("loss", loss);
          counted.set(id, images);
        },
      });
      if (outcome.kind === "kept") context.count(`${name}/kept`, steps * batchSize);
      // So that what is there can be looked at while the others go on.
      if (outcome.kind === "done") await gatherResults(experiment);
      if (outcome.kind === "failed") failures.push(`${run.id} (${outcome.line})`);
      yield outcome;
    },
  };
}
