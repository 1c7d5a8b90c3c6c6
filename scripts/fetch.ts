import * as z from "zod";
import { fetchStep } from "../pipeline/steps.ts";
import { defineCommand } from "./cli/command.ts";
import { optionalPath } from "./cli/options.ts";
import { runIfMain } from "./cli/run-if-main.ts";

const options = z.object({
  data: optionalPath("folder or .tar.gz of CIFAR-10, binary or Python version", "downloaded"),
});

export const fetchCommand = defineCommand({
  words: ["fetch"],
  describe: "bring CIFAR-10 into the run, checked",
  examples: [
    { line: "cifar5m fetch runs/mine", effect: "download it" },
    { line: "cifar5m fetch runs/mine --data cifar-10-binary.tar.gz", effect: "take it from a file" },
  ],
  bucketRun: "opened",
  configKeys: ["recordsPerFile"],
  options,
  steps: ({ stepOptions, options: { data } }) => [fetchStep(stepOptions, data)],
});

await runIfMain(import.meta.url, fetchCommand);
