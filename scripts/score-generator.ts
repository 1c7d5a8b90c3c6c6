import { resolve } from "node:path";
import { runFolderAt } from "../pipeline/run/run-folder.ts";
import { readGeneratorScore } from "../pipeline/score/generator-score.ts";
import { generatorSteps } from "../pipeline/score/generator-steps.ts";
import type { Command } from "./cli/command.ts";
import { formatTable } from "./cli/format-table.ts";
import { wholeNumberOption } from "./cli/parse-option.ts";
import { printLines } from "./cli/print.ts";
import { featureCache, referenceOptions } from "./cli/reference-options.ts";
import { runIfMain } from "./cli/run-if-main.ts";

export const scoreGeneratorCommand: Command = {
  words: ["score-generator"],
  describe: "quality of a generator over its cost, for several samplers: a table and a plot",
  positional: "run",
  configKeys: ["seed", "engine", "device", "precision", "recordsPerFile", "sampler", "labeling"],
  options: {
    ...referenceOptions,
    rows: {
      type: "string",
      requiresArg: true,
      describe: 'JSON list of what to compare, such as [{"sampler": {"steps": 5}}] [default: 1, 2, 5, 10, 18 steps]',
    },
    generator: {
      type: "string",
      requiresArg: true,
      describe: "weights of rows that name none [default: the run's, else the shipped ones]",
    },
    images: { type: "string", requiresArg: true, describe: "images of each row [default: 10,000]" },
  },
  steps: ({ root, config, runtime, option }) =>
    generatorSteps({
      ...{ root, config, runtime, data: option("data"), rows: option("rows"), generator: option("generator") },
      features: { onnx: option("features"), labeler: option("features-labeler") },
      cache: featureCache(),
      numImages: wholeNumberOption("images", option("images"), 1) ?? 10_000,
    }),
  finish: async ({ root }) => {
    const { json, svg, png } = runFolderAt(root).generatorScore;
    const score = await readGeneratorScore(json);
    if (score === undefined) return;
    const { features, reference, cifar10Test } = score;
    const rows = [
      ["", "NFE", "images/s", "peak MB", "N", "Fréchet", "precision", "recall", "agreement"],
      ...score.rows.map((row) => [
        row.name,
        String(row.nfe),
        row.imagesPerSecond.toPrecision(3),
        String(row.peakMegabytes),
        row.count.toLocaleString("en"),
        row.frechetDistance.toPrecision(4),
        row.manifold.precision.toFixed(3),
        row.manifold.recall.toFixed(3),
        row.agreement?.toFixed(3) ?? "-",
      ]),
      [
        "CIFAR-10 test",
        ...["", "", ""],
        cifar10Test.count.toLocaleString("en"),
        cifar10Test.frechetDistance.toPrecision(4),
        cifar10Test.manifold.precision.toFixed(3),
        cifar10Test.manifold.recall.toFixed(3),
        "",
      ],
    ];
    const basis =
      `Fréchet distance of ${features.network} features (sha256 ${features.sha256.slice(0, 12)}), ` +
      `reference: ${reference.name}, ${reference.count.toLocaleString("en")} images.`;
    const paths = [json, svg, png].map((path) => resolve(path));
    printLines(...formatTable(rows), "", basis, "", ...paths);
  },
};

await runIfMain(import.meta.url, scoreGeneratorCommand);
