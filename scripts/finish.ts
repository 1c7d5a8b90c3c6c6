import * as z from "zod";
import { cardStep } from "../pipeline/card/write-card.ts";
import { writeFinish } from "../pipeline/cluster/finish-record.ts";
import { datasetKeys } from "../pipeline/run/config.ts";
import { manifestStep } from "../pipeline/steps.ts";
import { verifyStep } from "../pipeline/verify/verify.ts";
import { readManifest } from "../shards/format/manifest-file.ts";
import { absolutePath } from "../storage/join-path.ts";
import { defineCommand } from "./cli/command.ts";
import { uploadTarget } from "./cli/options.ts";
import { printLines } from "./cli/print.ts";
import { runIfMain } from "./cli/run-if-main.ts";
import { uploadSteps } from "./cli/upload-steps.ts";
import { printContactSheet } from "./inspect.ts";

const options = z.object({ to: uploadTarget });

export const finishCommand = defineCommand({
  words: ["finish"],
  describe:
    "when workers have published all units: write the manifest and the card, check sizes and receipts, draw a contact sheet",
  examples: [{ line: "cifar5m finish runs/mine --to s3://bucket/mine", effect: "and upload the data set" }],
  bucketRun: "opened",
  pinnedKeys: datasetKeys,
  options,
  steps: ({ folder, stepOptions, options: { to } }) => {
    // First, so that a target that cannot be written is refused before the work.
    const upload = uploadSteps(stepOptions, to);
    return [manifestStep(stepOptions), cardStep(folder.root), verifyStep(stepOptions, "fast"), ...upload];
  },
  finish: async ({ folder, options: { to } }) => {
    const { train, test } = (await readManifest(folder.dataset)).splits;
    printLines(`published: ${train.rows} train and ${test.rows} test images in ${to ?? absolutePath(folder.dataset)}`);
    await printContactSheet(folder);
    await writeFinish(folder, to);
  },
});

await runIfMain(import.meta.url, finishCommand);
