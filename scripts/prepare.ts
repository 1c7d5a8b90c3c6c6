import * as z from "zod";
import { formatCount } from "../core/format.ts";
import { parseWalltime } from "../pipeline/cluster/slurm/walltime.ts";
import { prepareSteps } from "../pipeline/prepare.ts";
import { defineCommand } from "./cli/command.ts";
import { option } from "./cli/options.ts";
import { runIfMain } from "./cli/run-if-main.ts";
import { buildKeys, requireUse, sourceOptions } from "./cli/source-options.ts";

const options = z.object({
  ...sourceOptions,
  walltime: z
    .string()
    .transform((text, context) => {
      const seconds = parseWalltime(text);
      if (seconds !== undefined) return seconds;
      context.addIssue({ code: "custom", message: "must be a time as Slurm writes it" });
      return z.NEVER;
    })
    .optional()
    .meta(
      option("refuse units that take more than half of it", { advice: "Write it like 4:00:00, or 90 for minutes." }),
    ),
});

export const prepareCommand = defineCommand({
  words: ["prepare"],
  describe: "do once what all workers of a run need: pin its configuration, bring in the models, find the batch size",
  examples: [
    { line: "cifar5m prepare runs/mine --count 1000000", effect: "before workers begin to sample" },
    { line: "cifar5m prepare runs/mine --walltime 4:00:00", effect: "units must fit into tasks of four hours" },
  ],
  bucketRun: "opened",
  configKeys: buildKeys,
  hasThreads: true,
  options,
  steps: ({ stepOptions, reporter, options: { walltime, ...sources } }) => {
    requireUse(sources, stepOptions.config);
    return prepareSteps(stepOptions, sources, {
      walltimeSeconds: walltime,
      report: ({ batchSize, imagesPerSecond: { sample, label } }) =>
        reporter.line(
          `batch size ${batchSize}; ${round(sample)} images/s to sample, ${round(label)} images/s to label, each task`,
        ),
    });
  },
});

function round(value: number): string {
  return formatCount(Number(value.toPrecision(3)));
}

await runIfMain(import.meta.url, prepareCommand);
