import { resolve } from "node:path";
import { Cifar5mError } from "../core/errors.ts";
import { type ImportFormat, importFormats } from "../pipeline/import/import-source.ts";
import { importSteps, readPinnedImport } from "../pipeline/import/import-steps.ts";
import { runFolderAt } from "../pipeline/run/run-folder.ts";
import { readManifest } from "../shards/index.ts";
import type { Command } from "./cli/command.ts";
import { choiceOption, wholeNumberOption } from "./cli/parse-option.ts";
import { printLines } from "./cli/print.ts";
import { runIfMain } from "./cli/run-if-main.ts";

export const importCommand: Command = {
  words: ["import"],
  describe: "bring a labeled set made elsewhere into a run, as shards",
  configKeys: ["unitSize", "recordsPerFile"],
  options: {
    from: {
      type: "string",
      requiresArg: true,
      demandOption: true,
      describe:
        "CIFAR-5m .npz files, binary CIFAR-10 or CIFAR-100 (folder or .tar.gz), or a folder of pictures by class",
    },
    format: {
      type: "string",
      requiresArg: true,
      describe: `${importFormats.join(" | ")} [default: what it looks like]`,
    },
    "test-count": {
      type: "string",
      requiresArg: true,
      describe: "the last so many images become the test part [default: as the source is divided]",
    },
    resize: { type: "boolean", describe: "scale pictures of other sizes to 32×32" },
  },
  steps: async ({ root, config, option, flag }) => {
    const from = option("from");
    if (from === undefined) throw new Cifar5mError("usage/wrong", "--from must name what to import. See --help.");
    const pinned = await readPinnedImport(root);
    return await importSteps({
      root,
      path: from,
      format: choiceOption<ImportFormat>("format", option("format"), importFormats),
      recordsPerFile: config.recordsPerFile,
      unitSize: config.unitSize,
      testCount: wholeNumberOption("test-count", option("test-count"), 0) ?? pinned?.testCount,
      resize: flag("resize") ?? pinned?.resize ?? false,
    });
  },
  finish: async ({ root }) => {
    const { dataset } = runFolderAt(root);
    const { train, test } = (await readManifest(dataset)).splits;
    printLines(`imported: ${train.rows} train and ${test.rows} test images in ${resolve(dataset)}`);
  },
};

await runIfMain(import.meta.url, importCommand);
