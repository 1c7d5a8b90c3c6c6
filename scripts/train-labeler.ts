import { trainStep } from "../pipeline/steps.ts";
import type { Command } from "./cli/command.ts";
import { runIfMain } from "./cli/run-if-main.ts";

export const trainLabelerCommand: Command = {
  words: ["train", "labeler"],
  describe: "train the model that names images, or go on with it",
  configKeys: ["seed", "engine", "device", "precision", "recordsPerFile", "labeler"],
  steps: ({ stepOptions }) => [trainStep(stepOptions, "labeler")],
};

await runIfMain(import.meta.url, trainLabelerCommand);
