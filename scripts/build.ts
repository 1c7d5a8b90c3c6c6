import * as z from "zod";
import { Cifar5mError } from "../core/errors.ts";
import { type BuildSources, buildSteps } from "../pipeline/build.ts";
import { estimateStep } from "../pipeline/build-estimate.ts";
import { datasetKeys, defineCommand } from "./cli/command.ts";
import { optionalPath, uploadTarget } from "./cli/options.ts";
import { runIfMain } from "./cli/run-if-main.ts";
import { summarizeEstimate } from "./cli/summarize-estimate.ts";
import { uploadSteps } from "./cli/upload-steps.ts";
import { printContactSheet } from "./inspect.ts";

const shipped = "the shipped ones";

const options = z.object({
  data: optionalPath("CIFAR-10, folder or .tar.gz: train on it the models that are not given"),
  generator: optionalPath("generator, .safetensors or .onnx", shipped),
  guide: optionalPath(
    "weaker generator that guides the one of --generator, such as an early checkpoint, for --sampler.guide weaker",
  ),
  labeler: optionalPath("labeler, .safetensors or .onnx", shipped),
  to: uploadTarget,
});

export const buildCommand = defineCommand<typeof options>({
  words: ["build"],
  describe: "all of it, from the models to the verified data set; what is done is skipped",
  examples: [
    { line: "cifar5m build runs/mine --count 10000 --test-count 1000", effect: "11,000 images by the shipped models" },
    { line: "cifar5m build runs/mine --recipe tuned", effect: "with a generator of two calls, many times as fast" },
    { line: "cifar5m build runs/mine --data cifar-10-batches-bin", effect: "train both models first" },
  ],
  configKeys: [...datasetKeys, "recordsPerFile", "generator", "labeler"],
  hasWorkers: true,
  hasThreads: true,
  options,
  steps: ({ stepOptions, reporter, options: { to, ...sources } }) => {
    requireUse(sources);
    // First, so that a target that cannot be written is refused before the work, not after it.
    const upload = uploadSteps(stepOptions, to);
    const [check, ...others] = buildSteps(stepOptions, sources);
    const estimate = estimateStep(stepOptions, sources, (found) => {
      for (const line of summarizeEstimate(found)) reporter.line(line);
      const { sample = 0, label = 0 } = found.remainingMs;
      reporter.expect({ "sample+label": sample + label });
    });
    return [check!, estimate, ...others, ...upload];
  },
  finish: ({ folder }) => printContactSheet(folder),
});

function requireUse({ data, generator, guide, labeler }: BuildSources): void {
  if (guide !== undefined && generator === undefined) {
    throw new Cifar5mError("usage/wrong", "--guide needs the generator that it guides. Name it with --generator FILE.");
  }
  if (data !== undefined && generator !== undefined && labeler !== undefined) {
    throw new Cifar5mError(
      "usage/nothing-to-train",
      "--data has no use beside --generator and --labeler. Leave one out.",
    );
  }
}

await runIfMain(import.meta.url, buildCommand);
