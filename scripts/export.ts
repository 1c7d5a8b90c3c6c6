import { resolve } from "node:path";
import { Cifar5mError } from "../core/errors.ts";
import { exportFormats, exportSteps } from "../pipeline/export/export-steps.ts";
import { splitNames } from "../shards/index.ts";
import type { Command } from "./cli/command.ts";
import { choiceOption, wholeNumberOption } from "./cli/parse-option.ts";
import { printLines } from "./cli/print.ts";
import { runIfMain } from "./cli/run-if-main.ts";

export const exportCommand: Command = {
  words: ["export"],
  describe: "write a published data set as .npz, PNG, WebDataset or Parquet",
  configKeys: [],
  options: {
    to: {
      type: "string",
      requiresArg: true,
      demandOption: true,
      describe: "the folder to write: new, empty, or left by an interrupted export",
    },
    format: { type: "string", requiresArg: true, demandOption: true, describe: exportFormats.join(" | ") },
    split: { type: "string", requiresArg: true, describe: "train | test [default: both]" },
    "part-size": {
      type: "string",
      requiresArg: true,
      describe: "images of one part [default: 1,000,448 for npz, else 10,000]",
    },
  },
  steps: async ({ root, option }) => {
    const target = option("to");
    const format = choiceOption("format", option("format"), exportFormats);
    if (target === undefined || format === undefined) {
      throw new Cifar5mError("usage/wrong", "--to and --format must name where to and what. See --help.");
    }
    const split = choiceOption("split", option("split"), splitNames);
    const partSize = wholeNumberOption("part-size", option("part-size"), 1);
    return await exportSteps({ root, target, format, splits: split === undefined ? splitNames : [split], partSize });
  },
  finish: async ({ option }) => {
    printLines(`exported: ${resolve(option("to") ?? "")}`);
  },
};

await runIfMain(import.meta.url, exportCommand);
