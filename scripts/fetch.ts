import { fetchStep } from "../pipeline/steps.ts";
import type { Command } from "./cli/command.ts";
import { runIfMain } from "./cli/run-if-main.ts";

export const fetchCommand: Command = {
  words: ["fetch"],
  describe: "bring CIFAR-10 into the run, checked",
  configKeys: ["recordsPerFile"],
  options: {
    data: {
      type: "string",
      requiresArg: true,
      describe: "folder or .tar.gz of the binary version; else it is downloaded",
    },
  },
  steps: ({ stepOptions, option }) => [fetchStep(stepOptions, option("data"))],
};

await runIfMain(import.meta.url, fetchCommand);
