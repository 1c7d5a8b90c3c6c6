import { readImportedRun } from "../pipeline/import/imported-run.ts";
import { repairRun } from "../pipeline/repair/repair.ts";
import { repairCard } from "../pipeline/repair/repair-card.ts";
import { restorePinned } from "../pipeline/repair/restore-pinned.ts";
import { defineCommand } from "./cli/command.ts";
import { printLines } from "./cli/print.ts";
import { runIfMain } from "./cli/run-if-main.ts";

export const repairCommand = defineCommand({
  words: ["repair"],
  describe: "make damaged or lost files of a finished run again, and prove by their hash that they are the same",
  examples: [{ line: "cifar5m repair runs/mine", effect: "after verify has found damage" }],
  configKeys: ["recordsPerFile", "sampler.batchSize"],
  hasThreads: true,
  restore: restorePinned,
  finish: async ({ folder, config, restored, runtime, context, reporter }) => {
    for (const path of restored) printLines(`repaired: ${path}`);
    if (restored.length > 0 && (await readImportedRun(folder)) !== undefined) return;
    reporter.line(`repair           is looking at every file of ${folder.root}`);
    const repaired = [...(await repairRun({ folder, config, runtime }, context)), ...(await repairCard(folder))];
    for (const path of repaired) printLines(`repaired: ${path}`);
    if (restored.length + repaired.length === 0) printLines(`nothing to repair: ${folder.root} is whole`);
  },
});

await runIfMain(import.meta.url, repairCommand);
