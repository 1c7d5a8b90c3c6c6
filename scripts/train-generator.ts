import { trainStep } from "../pipeline/steps.ts";
import type { Command } from "./command.ts";
import { runIfMain } from "./run-if-main.ts";

export const trainGeneratorCommand: Command = {
  words: ["train", "generator"],
  describe: "train the model that makes images, or go on with it",
  configKeys: ["seed", "engine", "device", "recordsPerFile", "sampler", "generator"],
  steps: ({ stepOptions }) => [trainStep(stepOptions, "generator")],
};

await runIfMain(import.meta.url, trainGeneratorCommand);
