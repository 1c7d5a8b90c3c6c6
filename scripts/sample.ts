import { datasetKeys } from "../pipeline/run/config.ts";
import { sampleStep } from "../pipeline/steps.ts";
import { defineCommand } from "./cli/command.ts";
import { runIfMain } from "./cli/run-if-main.ts";

export const sampleCommand = defineCommand({
  words: ["sample"],
  describe: "sample images with the generator",
  examples: [
    { line: "cifar5m sample runs/mine", effect: "all images of a run that `cifar5m prepare` has begun" },
    { line: "cifar5m sample runs/mine --rank 1 --world-size 4", effect: "the second of four workers" },
  ],
  bucketRun: "opened",
  configKeys: datasetKeys,
  hasWorkers: true,
  hasThreads: true,
  steps: ({ stepOptions }) => [sampleStep(stepOptions)],
});

await runIfMain(import.meta.url, sampleCommand);
