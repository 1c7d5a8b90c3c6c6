import { resolve } from "node:path";
import * as z from "zod";
import { formatCount, hashPrefix } from "../core/format.ts";
import { compareSamplersSteps } from "../pipeline/score/compare-samplers.ts";
import { generatorScoreSchema, readGeneratorScore } from "../pipeline/score/generator-score.ts";
import { defineCommand } from "./cli/command.ts";
import { formatTable } from "./cli/format-table.ts";
import { option, optionalPath } from "./cli/options.ts";
import { printJson, printLines } from "./cli/print.ts";
import { featureCache, referenceOptions } from "./cli/reference-options.ts";
import { runIfMain } from "./cli/run-if-main.ts";

const options = z.object({
  rows: optionalPath('JSON list of what to compare, such as [{"sampler": {"steps": 5}}]', "1, 2, 5, 10 and 18 steps"),
  generator: optionalPath("weights of rows that name none", "the run's, else the shipped ones"),
  images: z.int().min(1).default(10_000).meta(option("images of each row")),
  ...referenceOptions,
});

export const scoreGeneratorCommand = defineCommand({
  words: ["score-generator"],
  describe: "quality of a generator over its cost, for several samplers: a table and a plot",
  examples: [
    { line: "cifar5m score-generator runs/mine", effect: "1 to 18 steps of the run's generator" },
    { line: "cifar5m score-generator runs/mine --rows rows.json", effect: "whatever the file lists" },
  ],
  configKeys: ["seed", "engine", "device", "precision", "recordsPerFile", "sampler", "labeling"],
  options,
  report: generatorScoreSchema.describe("generator-score.json, without its checksum"),
  steps: ({ folder, config, runtime, options: { data, rows, generator, features, featuresLabeler, images } }) =>
    compareSamplersSteps({
      folder,
      config,
      runtime,
      data,
      rows,
      generator,
      features: { onnx: features, labeler: featuresLabeler },
      cache: featureCache(),
      numImages: images,
    }),
  finish: async ({ folder, json: isJson }) => {
    const { json, svg, png } = folder.generatorScore;
    const score = await readGeneratorScore(json);
    if (score === undefined) return;
    if (isJson) return printJson(score);
    const { features, reference, cifar10Test } = score;
    const rows = [
      ["", "NFE", "images/s", "peak MB", "N", "Fréchet", "precision", "recall", "agreement"],
      ...score.rows.map((row) => [
        row.name,
        String(row.nfe),
        row.imagesPerSecond.toPrecision(3),
        String(row.peakMegabytes),
        formatCount(row.count),
        row.frechetDistance.toPrecision(4),
        row.manifold.precision.toFixed(3),
        row.manifold.recall.toFixed(3),
        row.agreement?.toFixed(3) ?? "-",
      ]),
      [
        "CIFAR-10 test",
        ...["", "", ""],
        formatCount(cifar10Test.count),
        cifar10Test.frechetDistance.toPrecision(4),
        cifar10Test.manifold.precision.toFixed(3),
        cifar10Test.manifold.recall.toFixed(3),
        "",
      ],
    ];
    const basis =
      `Fréchet distance of ${features.network} features (sha256 ${hashPrefix(features.sha256)}), ` +
      `reference: ${reference.name}, ${formatCount(reference.count)} images.`;
    const paths = [json, svg, png].map((path) => resolve(path));
    printLines(...formatTable(rows), "", basis, "", ...paths);
  },
});

await runIfMain(import.meta.url, scoreGeneratorCommand);
