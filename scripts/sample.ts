import { sampleStep } from "../pipeline/steps.ts";
import { type Command, datasetKeys } from "./cli/command.ts";
import { runIfMain } from "./cli/run-if-main.ts";

export const sampleCommand: Command = {
  words: ["sample"],
  describe: "draw images with the generator",
  configKeys: datasetKeys,
  steps: ({ stepOptions }) => [sampleStep(stepOptions)],
};

await runIfMain(import.meta.url, sampleCommand);
