import { resolve } from "node:path";
import * as z from "zod";
import { formatCount } from "../core/format.ts";
import { importFormats } from "../pipeline/import/import-source.ts";
import { importSteps, readPinnedImport } from "../pipeline/import/import-steps.ts";
import { readManifest } from "../shards/format/manifest-file.ts";
import { defineCommand } from "./cli/command.ts";
import { localPath, option } from "./cli/options.ts";
import { printLines } from "./cli/print.ts";
import { runIfMain } from "./cli/run-if-main.ts";

const options = z.object({
  from: localPath(
    "CIFAR-5m .npz files, binary CIFAR-10 or CIFAR-100 (folder or .tar.gz), or a folder of pictures by class",
  ),
  format: z
    .enum(importFormats)
    .optional()
    .meta(option("what it is", { fallback: "what it looks like" })),
  testCount: z
    .int()
    .min(0)
    .optional()
    .meta(option("the last so many images become the test part", { fallback: "as the source is divided" })),
  resize: z.boolean().optional().meta(option("scale pictures of other sizes to 32×32")),
});

export const importCommand = defineCommand({
  words: ["import"],
  describe: "bring a labeled set made elsewhere into a run, as shards",
  examples: [
    { line: "cifar5m import runs/cifar-100 --from cifar-100-binary.tar.gz", effect: "CIFAR-100" },
    { line: "cifar5m import runs/mine --from pictures --resize", effect: "a folder of pictures by class" },
  ],
  configKeys: ["unitSize", "recordsPerFile"],
  options,
  steps: async ({ folder, config, options: { from, format, testCount, resize } }) => {
    const pinned = await readPinnedImport(folder);
    return await importSteps({
      folder,
      path: from,
      format,
      recordsPerFile: config.recordsPerFile,
      unitSize: config.unitSize,
      testCount: testCount ?? pinned?.testCount,
      resize: resize ?? pinned?.resize ?? false,
    });
  },
  finish: async ({ folder: { dataset } }) => {
    const { train, test } = (await readManifest(dataset)).splits;
    printLines(
      `imported: ${formatCount(train.rows)} train and ${formatCount(test.rows)} test images in ${resolve(dataset)}`,
    );
  },
});

await runIfMain(import.meta.url, importCommand);
