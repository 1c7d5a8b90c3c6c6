import { dedupStep, fingerprintStep } from "../pipeline/steps.ts";
import { type Command, datasetKeys } from "./cli/command.ts";
import { runIfMain } from "./cli/run-if-main.ts";

export const dedupCommand: Command = {
  words: ["dedup"],
  describe: "find copies among the samples and of CIFAR-10, mirrored or not",
  configKeys: datasetKeys,
  steps: ({ stepOptions }) => [fingerprintStep(stepOptions), dedupStep(stepOptions)],
};

await runIfMain(import.meta.url, dedupCommand);
