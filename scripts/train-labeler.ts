import { resolve } from "node:path";
import { trainStep } from "../pipeline/steps.ts";
import { defineCommand } from "./cli/command.ts";
import { trainingInterruption } from "./cli/interruption.ts";
import { printLines } from "./cli/print.ts";
import { runIfMain } from "./cli/run-if-main.ts";

export const trainLabelerCommand = defineCommand({
  words: ["train", "labeler"],
  describe: "train the model that names images, or go on with it",
  examples: [{ line: "cifar5m train labeler runs/mine --labeler.epochs 4", effect: "four passes over CIFAR-10" }],
  configKeys: ["seed", "engine", "device", "precision", "recordsPerFile", "labeler"],
  hasWorkers: true,
  hasThreads: true,
  interruption: trainingInterruption,
  steps: ({ stepOptions }) => [trainStep(stepOptions, "labeler")],
  finish: async ({ folder }) => printLines(`finished: ${resolve(folder.model("labeler"))}`),
});

await runIfMain(import.meta.url, trainLabelerCommand);
