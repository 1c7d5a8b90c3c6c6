import { labelStep } from "../pipeline/steps.ts";
import { type Command, datasetKeys } from "./cli/command.ts";
import { runIfMain } from "./cli/run-if-main.ts";

export const labelCommand: Command = {
  words: ["label"],
  describe: "label the samples with the labeler",
  configKeys: datasetKeys,
  steps: ({ stepOptions }) => [labelStep(stepOptions)],
};

await runIfMain(import.meta.url, labelCommand);
