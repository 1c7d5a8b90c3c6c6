import { resolve } from "node:path";
import * as z from "zod";
import { classificationRows, describeBasis, distanceRows, scoreSentences } from "../pipeline/score/describe-score.ts";
import { readScore, scoreSchema } from "../pipeline/score/score.ts";
import { scoreDatasetSteps } from "../pipeline/score/score-dataset.ts";
import { defineCommand } from "./cli/command.ts";
import { formatTable } from "./cli/format-table.ts";
import { option } from "./cli/options.ts";
import { printJson, printLines } from "./cli/print.ts";
import { featureCache, referenceOptions } from "./cli/reference-options.ts";
import { runIfMain } from "./cli/run-if-main.ts";

/** Images that classifiers are trained on at most: all of CIFAR-10 train. */
const mostClassified = 50_000;

const options = z.object({
  images: z.int().min(1).default(10_000).meta(option("images to compare, at most")),
  neighbors: z.int().min(1).default(1000).meta(option("images whose nearest train images are looked up, at most")),
  cas: z
    .int()
    .min(1)
    .optional()
    .meta(
      option(
        "train a classifier on that many images of the set, one on as many of CIFAR-10, and one on both; test each on both kinds. Without a number: 50,000, or all",
        { bare: String(mostClassified) },
      ),
    ),
  ...referenceOptions,
});

export const scoreCommand = defineCommand({
  words: ["score"],
  describe: "quality of a set's images, compared with CIFAR-10: score.json, score.md and a picture",
  examples: [
    { line: "cifar5m score runs/mine --data cifar-10-batches-bin", effect: "distances, labels, memorized images" },
    { line: "cifar5m score runs/mine --cas 10000", effect: "train classifiers, too" },
  ],
  target: "dataset",
  configKeys: ["seed", "engine", "device", "recordsPerFile", "labeling", "labeler"],
  options,
  report: scoreSchema.describe("score.json, without its checksum"),
  steps: ({ folder, config, runtime, options: { data, features, featuresLabeler, images, neighbors, cas } }) =>
    scoreDatasetSteps({
      folder,
      config,
      runtime,
      data,
      features: { onnx: features, labeler: featuresLabeler },
      cache: featureCache(),
      numImages: images,
      numNeighbors: neighbors,
      numClassified: cas,
    }),
  finish: async ({ folder: { score: paths }, json }) => {
    const score = await readScore(paths.json);
    if (score === undefined) return;
    if (json) return printJson(score);
    printLines(
      describeBasis(score),
      "",
      ...formatTable(distanceRows(score)),
      "",
      ...scoreSentences(score),
      ...(score.classification === undefined ? [] : ["", ...formatTable(classificationRows(score.classification))]),
      "",
      ...[paths.json, paths.markdown, paths.neighbors].map((path) => resolve(path)),
    );
  },
});

await runIfMain(import.meta.url, scoreCommand);
