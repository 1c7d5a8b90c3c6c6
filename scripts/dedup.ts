import { datasetKeys } from "../pipeline/run/config.ts";
import { dedupStep, fingerprintStep } from "../pipeline/steps.ts";
import { defineCommand } from "./cli/command.ts";
import { runIfMain } from "./cli/run-if-main.ts";

export const dedupCommand = defineCommand({
  words: ["dedup"],
  describe: "find copies among the samples and of CIFAR-10, mirrored or not",
  examples: [{ line: "cifar5m dedup runs/mine", effect: "after sample and label" }],
  bucketRun: "opened",
  pinnedKeys: datasetKeys,
  hasWorkers: true,
  steps: ({ stepOptions }) => [fingerprintStep(stepOptions), dedupStep(stepOptions)],
});

await runIfMain(import.meta.url, dedupCommand);
