import { manifestStep, publishStep } from "../pipeline/steps.ts";
import { type Command, datasetKeys } from "./command.ts";
import { runIfMain } from "./run-if-main.ts";

export const publishCommand: Command = {
  words: ["publish"],
  describe: "write the Arrow shards, then the manifest",
  configKeys: datasetKeys,
  options: {
    manifest: { type: "boolean", default: true, describe: "write the manifest; one of several workers is enough" },
  },
  steps: ({ stepOptions, option }) => [
    publishStep(stepOptions),
    ...(option("manifest") === "false" ? [] : [manifestStep(stepOptions)]),
  ],
};

await runIfMain(import.meta.url, publishCommand);
