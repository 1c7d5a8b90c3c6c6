import { trainStep } from "../pipeline/steps.ts";
import type { Command } from "./command.ts";
import { runIfMain } from "./run-if-main.ts";

export const trainGeneratorCommand: Command = {
  words: ["train", "generator"],
  describe: "train the model that makes images, or go on with it",
  configKeys: ["seed", "engine", "device", "recordsPerFile", "sampler", "generator"],
  options: {
    init: { type: "string", requiresArg: true, describe: "weights to start from [default: random ones]" },
  },
  steps: ({ stepOptions, option }) => [trainStep(stepOptions, "generator", option("init"))],
};

await runIfMain(import.meta.url, trainGeneratorCommand);
