import { join, resolve } from "node:path";
import * as z from "zod";
import { auditSchema, readAudit } from "../pipeline/audit/audit-report.ts";
import { auditSteps } from "../pipeline/audit/audit-steps.ts";
import { describeAudit } from "../pipeline/audit/describe-audit.ts";
import { findDataset } from "../pipeline/run/find-dataset.ts";
import { flagsTableName } from "../shards/format/flags.ts";
import { defineCommand } from "./cli/command.ts";
import { option, optionalPath } from "./cli/options.ts";
import { printJson, printLines } from "./cli/print.ts";
import { runIfMain } from "./cli/run-if-main.ts";

const options = z.object({
  data: optionalPath("folder or .tar.gz of CIFAR-10, binary or Python version", "the run's"),
  sample: z
    .int()
    .min(1)
    .optional()
    .meta(option("audit that many random images, and say how sure the shares are", { fallback: "all images" })),
  planted: z
    .int()
    .min(0)
    .default(200)
    .meta(option("copies of each of five kinds that the audit makes of train images, to see whether it finds them")),
});

export const auditCommand = defineCommand({
  words: ["audit"],
  describe:
    "copies, near-copies, memorized images, leaks and likely mislabeled images: audit.json, two pictures and flags.arrow",
  examples: [
    { line: "cifar5m audit runs/mine --data cifar-10-batches-bin", effect: "compare every image with CIFAR-10" },
    { line: "cifar5m audit runs/mine --sample 20000", effect: "a sample, with confidence intervals" },
    { line: "cifar5m audit runs/mine --rank 0 --world-size 4", effect: "share the work with three other workers" },
  ],
  target: "dataset",
  configKeys: ["seed", "engine", "device", "recordsPerFile", "labeling"],
  hasWorkers: true,
  options,
  report: auditSchema.describe("audit.json, without its checksum"),
  steps: ({ folder, config, runtime, options: { data, sample, planted } }) =>
    auditSteps({ folder, config, runtime, data, sample, numPlanted: planted }),
  finish: async ({ root, folder: { audit: paths }, json }) => {
    const audit = await readAudit(paths.json);
    if (audit === undefined) return;
    if (json) return printJson(audit);
    const pictures = [paths.picture, ...(audit.labels.mostLikelyMislabeled.length === 0 ? [] : [paths.labels])];
    const flags = audit.audited.isSample ? [] : [join((await findDataset(root)).directory, flagsTableName)];
    printLines(...describeAudit(audit), "", ...[paths.json, ...pictures, ...flags].map((path) => resolve(path)));
  },
});

await runIfMain(import.meta.url, auditCommand);
