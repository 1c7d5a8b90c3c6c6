import { Cifar5mError } from "../core/errors.ts";
import { buildSteps } from "../pipeline/build.ts";
import { type Command, datasetKeys } from "./cli/command.ts";
import { runIfMain } from "./cli/run-if-main.ts";
import { uploadOption, uploadSteps } from "./cli/upload-option.ts";
import { printContactSheet } from "./inspect.ts";

export const buildCommand: Command = {
  words: ["build"],
  describe: "all of it, from the models to the verified data set; what is done is skipped",
  configKeys: [...datasetKeys, "recordsPerFile", "generator", "labeler"],
  remoteOption: "to",
  options: {
    data: { type: "string", requiresArg: true, describe: "CIFAR-10, folder or .tar.gz: train the models on it" },
    generator: {
      type: "string",
      requiresArg: true,
      describe: "generator, .safetensors or .onnx [default: the shipped ones]",
    },
    guide: {
      type: "string",
      requiresArg: true,
      describe:
        "weaker generator that guides the one of --generator, such as an early checkpoint, for --sampler.guide weaker",
    },
    labeler: {
      type: "string",
      requiresArg: true,
      describe: "labeler, .safetensors or .onnx [default: the shipped ones]",
    },
    to: uploadOption,
  },
  steps: ({ stepOptions, option }) => {
    const [data, generator, guide, labeler, to] = ["data", "generator", "guide", "labeler", "to"].map(option);
    if (guide !== undefined && generator === undefined) {
      throw new Cifar5mError(
        "usage/wrong",
        "--guide needs the generator that it guides. Name it with --generator FILE.",
      );
    }
    if (data !== undefined && generator !== undefined && labeler !== undefined) {
      throw new Cifar5mError(
        "usage/nothing-to-train",
        "--data has no use beside --generator and --labeler. Leave one out.",
      );
    }
    // First, so that a place it cannot go to is refused before the work, not after it.
    const upload = uploadSteps(stepOptions, to);
    const steps = buildSteps(stepOptions, {
      ...(data === undefined ? {} : { data }),
      ...(generator === undefined ? {} : { generator }),
      ...(guide === undefined ? {} : { guide }),
      ...(labeler === undefined ? {} : { labeler }),
    });
    return [...steps, ...upload];
  },
  finish: ({ root }) => printContactSheet(root),
};

await runIfMain(import.meta.url, buildCommand);
