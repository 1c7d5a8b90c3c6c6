import { resolve } from "node:path";
import * as z from "zod";
import { Cifar5mError } from "../core/errors.ts";
import { tuningMethods } from "../generator/index.ts";
import { trainStep } from "../pipeline/steps.ts";
import { defineCommand } from "./cli/command.ts";
import { trainingInterruption } from "./cli/interruption.ts";
import { flag, option, optionalPath } from "./cli/options.ts";
import { printLines } from "./cli/print.ts";
import { runIfMain } from "./cli/run-if-main.ts";

const options = z.object({
  init: optionalPath("weights to start from", "random ones"),
  tune: z
    .enum(tuningMethods)
    .optional()
    .meta(
      option(
        "tune the generator of --init. consistency: consistency distillation (with a guided teacher, --tuning.guidance) or " +
          "consistency tuning (without), for one or two steps; adversarial: then, adversarial fine-tuning, for sharper images",
      ),
    ),
  labeler: optionalPath("adversarial: the labeler that the discriminator sees through", "the one of this package"),
  finish: flag("lower the learning rate from the newest checkpoint on, so that the training ends soon and well"),
});

export const trainGeneratorCommand = defineCommand({
  words: ["train", "generator"],
  describe: "train the model that makes images, or go on with it",
  examples: [
    { line: "cifar5m train generator runs/mine", effect: "train on the CIFAR-10 that fetch brought" },
    { line: "cifar5m train generator runs/mine --finish", effect: "end a training early" },
  ],
  configKeys: [
    "seed",
    "engine",
    "device",
    "precision",
    "recordsPerFile",
    "sampler",
    "generator",
    "tuning",
    "adversarial",
  ],
  hasWorkers: true,
  hasThreads: true,
  interruption: trainingInterruption,
  options,
  steps: ({ stepOptions, options: { init, tune, labeler, finish } }) => {
    if (tune !== undefined && init === undefined) {
      throw new Cifar5mError("usage/wrong", "--tune needs trained weights. Name them with --init FILE.");
    }
    if (tune !== undefined && finish) {
      throw new Cifar5mError("usage/wrong", "--finish ends a training, not a tuning. Leave out --finish or --tune.");
    }
    if (labeler !== undefined && tune !== "adversarial") {
      throw new Cifar5mError("usage/wrong", "--labeler is for --tune adversarial. Leave out --labeler.");
    }
    return [trainStep(stepOptions, "generator", { initialWeights: init, tune, labeler, finish })];
  },
  finish: async ({ folder }) => printLines(`finished: ${resolve(folder.model("generator"))}`),
});

await runIfMain(import.meta.url, trainGeneratorCommand);
