import { datasetKeys } from "../pipeline/run/config.ts";
import { fingerprintStep, labelStep } from "../pipeline/steps.ts";
import { defineCommand } from "./cli/command.ts";
import { runIfMain } from "./cli/run-if-main.ts";

const labelKeys: readonly string[] = ["device", "labeling"];

export const labelCommand = defineCommand({
  words: ["label"],
  describe: "label the samples with the labeler, and fingerprint them for dedup",
  examples: [{ line: "cifar5m label runs/mine", effect: "the units that are sampled and not labeled yet" }],
  bucketRun: "opened",
  configKeys: labelKeys,
  pinnedKeys: datasetKeys.filter((key) => !labelKeys.includes(key)),
  hasWorkers: true,
  hasThreads: true,
  steps: ({ stepOptions }) => [labelStep(stepOptions), fingerprintStep(stepOptions)],
});

await runIfMain(import.meta.url, labelCommand);
