import { Cifar5mError } from "../core/errors.ts";
import { trainStep } from "../pipeline/steps.ts";
import type { Command } from "./cli/command.ts";
import { runIfMain } from "./cli/run-if-main.ts";

export const trainGeneratorCommand: Command = {
  words: ["train", "generator"],
  describe: "train the model that makes images, or go on with it",
  configKeys: ["seed", "engine", "device", "precision", "recordsPerFile", "sampler", "generator", "tuning"],
  options: {
    init: { type: "string", requiresArg: true, describe: "weights to start from [default: random ones]" },
    tune: {
      type: "string",
      requiresArg: true,
      describe: "consistency: make a generator of one or two calls of the one --init names, by the options of tuning",
    },
    finish: {
      type: "boolean",
      describe: "let the learning rate fall from the newest checkpoint on, so that the training ends soon and well",
    },
  },
  steps: ({ stepOptions, option, flag }) => {
    const [initialWeights, tune] = ["init", "tune"].map(option);
    if (tune !== undefined && tune !== "consistency") {
      throw new Cifar5mError(
        "usage/out-of-range",
        `--tune must be consistency, got ${tune}. There is no other tuning.`,
      );
    }
    if (tune !== undefined && initialWeights === undefined) {
      throw new Cifar5mError("usage/wrong", "--tune needs trained weights. Name them with --init FILE.");
    }
    const finish = flag("finish") === true;
    if (tune !== undefined && finish) {
      throw new Cifar5mError("usage/wrong", "--finish ends a training, not a tuning. Leave out --finish or --tune.");
    }
    return [trainStep(stepOptions, "generator", { initialWeights, tune: tune !== undefined, finish })];
  },
};

await runIfMain(import.meta.url, trainGeneratorCommand);
