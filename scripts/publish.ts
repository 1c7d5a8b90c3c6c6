import * as z from "zod";
import { Cifar5mError } from "../core/errors.ts";
import { cardStep } from "../pipeline/card/write-card.ts";
import { readImportedRun } from "../pipeline/import/imported-run.ts";
import { datasetKeys } from "../pipeline/run/config.ts";
import { manifestStep, publishStep } from "../pipeline/steps.ts";
import { readManifest } from "../shards/format/manifest-file.ts";
import { absolutePath } from "../storage/join-path.ts";
import { defineCommand } from "./cli/command.ts";
import { option, uploadTarget } from "./cli/options.ts";
import { printLines } from "./cli/print.ts";
import { runIfMain } from "./cli/run-if-main.ts";
import { uploadSteps } from "./cli/upload-steps.ts";

const options = z.object({
  to: uploadTarget,
  manifest: z.boolean().default(true).meta(option("write the manifest; --no-manifest for all workers but one")),
});

export const publishCommand = defineCommand({
  words: ["publish"],
  describe: "write the Arrow shards, then the manifest",
  examples: [
    { line: "cifar5m publish runs/mine", effect: "write the shards of every unit" },
    { line: "cifar5m publish runs/mine --to s3://bucket/mine", effect: "upload them too" },
  ],
  bucketRun: "opened",
  pinnedKeys: datasetKeys,
  hasWorkers: true,
  options,
  steps: async ({ folder, stepOptions, options: { to, manifest } }) => {
    if (to !== undefined && !manifest) {
      throw new Cifar5mError(
        "usage/unfinished-upload",
        "--to uploads a whole data set, so it needs the manifest, got --no-manifest. Leave one of them out.",
      );
    }
    // An imported set is published already.
    if (to !== undefined && (await readImportedRun(folder)) !== undefined) {
      return [cardStep(folder.root), ...uploadSteps(stepOptions, to)];
    }
    return [
      publishStep(stepOptions),
      ...(manifest ? [manifestStep(stepOptions), cardStep(folder.root)] : []),
      ...uploadSteps(stepOptions, to),
    ];
  },
  finish: async ({ folder: { dataset }, options: { to, manifest }, context }) => {
    if (!manifest)
      return printLines(`published: this worker's shards in ${absolutePath(dataset)}, without the manifest`);
    if (to !== undefined && context.rank > 0) {
      return printLines(
        `uploaded: this worker's share of the shards to ${to}; rank 0 uploads the rest and the manifest`,
      );
    }
    const { train, test } = (await readManifest(dataset)).splits;
    printLines(`published: ${train.rows} train and ${test.rows} test images in ${to ?? absolutePath(dataset)}`);
  },
});

await runIfMain(import.meta.url, publishCommand);
