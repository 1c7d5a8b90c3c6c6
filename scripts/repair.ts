import { repairRun } from "../pipeline/repair.ts";
import type { Command } from "./command.ts";
import { runIfMain } from "./run-if-main.ts";

export const repairCommand: Command = {
  words: ["repair"],
  describe: "make damaged or lost files of a finished run again, and prove by their hash that they are the same",
  positional: "run",
  configKeys: ["recordsPerFile", "sampler.batchSize", "labeling.batchSize"],
  finish: async ({ root, config, runtime, context, reporter }) => {
    reporter.line(`repair           looks at every file of ${root}`);
    const repaired = await repairRun({ root, config, runtime }, context);
    for (const path of repaired) process.stdout.write(`repaired: ${path}\n`);
    if (repaired.length === 0) process.stdout.write(`nothing to repair: ${root} is whole\n`);
  },
};

await runIfMain(import.meta.url, repairCommand);
