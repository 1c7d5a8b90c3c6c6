import { resolve } from "node:path";
import * as z from "zod";
import { exportFormats, exportSteps } from "../pipeline/export/export-steps.ts";
import { splitNames } from "../shards/format/manifest.ts";
import { defineCommand } from "./cli/command.ts";
import { localPath, option } from "./cli/options.ts";
import { printLines } from "./cli/print.ts";
import { runIfMain } from "./cli/run-if-main.ts";

const options = z.object({
  to: localPath("the folder to write: new, empty, or left by an interrupted export"),
  format: z.enum(exportFormats).meta(option("what to write")),
  split: z
    .enum(splitNames)
    .optional()
    .meta(option("the part to write", { fallback: "both" })),
  partSize: z
    .int()
    .min(1)
    .optional()
    .meta(option("images of one part", { fallback: "1,000,448 for npz, else 10,000" })),
});

export const exportCommand = defineCommand({
  words: ["export"],
  describe: "write a published data set as .npz, PNG, WebDataset or Parquet",
  examples: [
    { line: "cifar5m export runs/mine --to mine-parquet --format parquet", effect: "the set of a run" },
    {
      line: "cifar5m export s3://bucket/set --to set-png --format png --split test",
      effect: "a part of one elsewhere",
    },
  ],
  target: "location",
  options,
  steps: ({ root, options: { to, format, split, partSize } }) =>
    exportSteps({ location: root, target: to, format, partSize, splits: split === undefined ? splitNames : [split] }),
  finish: async ({ options: { to } }) => printLines(`exported: ${resolve(to)}`),
});

await runIfMain(import.meta.url, exportCommand);
