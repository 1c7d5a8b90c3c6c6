import * as z from "zod";
import { buildSteps } from "../pipeline/build.ts";
import { estimateStep } from "../pipeline/build-estimate.ts";
import { writeFinish } from "../pipeline/cluster/finish-record.ts";
import { defineCommand } from "./cli/command.ts";
import { uploadTarget } from "./cli/options.ts";
import { runIfMain } from "./cli/run-if-main.ts";
import { buildKeys, requireUse, sourceOptions } from "./cli/source-options.ts";
import { summarizeEstimate } from "./cli/summarize-estimate.ts";
import { uploadSteps } from "./cli/upload-steps.ts";
import { printContactSheet } from "./inspect.ts";

const options = z.object({ ...sourceOptions, to: uploadTarget });

export const buildCommand = defineCommand({
  words: ["build"],
  describe: "all of it, from the models to the verified data set; what is done is skipped",
  examples: [
    { line: "cifar5m build runs/mine --count 10000 --test-count 1000", effect: "11,000 images by the shipped models" },
    {
      line: "cifar5m build runs/mine --count 10000 --recipe tuned",
      effect: "by the two-step generator, eight times as fast",
    },
    { line: "cifar5m build runs/mine --data cifar-10-batches-bin", effect: "train both models first" },
  ],
  bucketRun: "opened",
  configKeys: buildKeys,
  hasWorkers: true,
  hasThreads: true,
  options,
  steps: ({ stepOptions, reporter, options: { to, ...sources } }) => {
    requireUse(sources, stepOptions.config);
    // First, so that a target that cannot be written is refused before the work, not after it.
    const upload = uploadSteps(stepOptions, to);
    const [check, ...others] = buildSteps(stepOptions, sources);
    const estimate = estimateStep(stepOptions, sources, (found) => {
      for (const line of summarizeEstimate(found)) reporter.line(line);
      const { sample = 0, label = 0 } = found.remainingMs;
      reporter.expect({ "sample+label": sample + label });
    });
    return [check!, estimate, ...others, ...upload];
  },
  finish: async ({ folder, context, options: { to } }) => {
    await printContactSheet(folder);
    if (context.rank === 0) await writeFinish(folder, to);
  },
});

await runIfMain(import.meta.url, buildCommand);
