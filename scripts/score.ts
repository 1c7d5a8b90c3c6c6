import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { parseJson } from "../core/parse-json.ts";
import { runFolderAt } from "../pipeline/run/run-folder.ts";
import { classificationRows, describeBasis, distanceRows, scoreFacts } from "../pipeline/score/describe-score.ts";
import type { Score } from "../pipeline/score/score.ts";
import { scoreSteps } from "../pipeline/score/score-steps.ts";
import type { Command } from "./cli/command.ts";
import { formatTable } from "./cli/format-table.ts";
import { wholeNumberOption } from "./cli/parse-option.ts";
import { printLines } from "./cli/print.ts";
import { featureCache, referenceOptions } from "./cli/reference-options.ts";
import { runIfMain } from "./cli/run-if-main.ts";

/** Images that classifiers are trained on at most: all of CIFAR-10 train. */
const mostClassified = 50_000;

export const scoreCommand: Command = {
  words: ["score"],
  describe: "what the images of a set are worth, beside CIFAR-10: score.json, score.md and a picture",
  positional: "run",
  configKeys: ["seed", "engine", "device", "recordsPerFile", "labeling", "labeler"],
  options: {
    ...referenceOptions,
    images: { type: "string", requiresArg: true, describe: "images to compare [default: 10,000, or all]" },
    neighbours: {
      type: "string",
      requiresArg: true,
      describe: "images whose nearest train images are looked up [default: 1,000]",
    },
    cas: {
      type: "string",
      describe: "train classifiers on so many images of the set and of CIFAR-10, test both on both [50,000, or all]",
    },
  },
  steps: ({ root, config, runtime, option }) => {
    const number = (name: string) => wholeNumberOption(name, option(name) || undefined, 1);
    return scoreSteps({
      ...{ root, config, runtime, data: option("data") },
      features: { onnx: option("features"), labeler: option("features-labeler") },
      cache: featureCache(),
      numImages: number("images") ?? 10_000,
      numNeighbors: number("neighbours") ?? 1000,
      numClassified: option("cas") === undefined ? undefined : (number("cas") ?? mostClassified),
    });
  },
  finish: async ({ root }) => {
    const { json, markdown, neighbours } = runFolderAt(root).score;
    const score = parseJson(await readFile(json, "utf8")) as Score;
    const lines = [
      describeBasis(score),
      "",
      ...formatTable(distanceRows(score)),
      "",
      ...scoreFacts(score),
      ...(score.classification === undefined ? [] : ["", ...formatTable(classificationRows(score.classification))]),
      "",
      ...[json, markdown, neighbours].map((path) => resolve(path)),
    ];
    printLines(...lines);
  },
};

await runIfMain(import.meta.url, scoreCommand);
