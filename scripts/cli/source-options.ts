import { Cifar5mError } from "../../core/errors.ts";
import type { BuildSources } from "../../pipeline/build.ts";
import { type Config, datasetKeys } from "../../pipeline/run/config.ts";
import { optionalPath } from "./options.ts";

const shipped = "the shipped ones";

/** Keys of the configuration that `build`, `prepare` and `submit` take. */
export const buildKeys = [...datasetKeys, "recordsPerFile", "generator", "labeler"];

/** Where the models of a run come from; of `build`, `prepare` and `submit`. */
export const sourceOptions = {
  data: optionalPath("CIFAR-10, folder or .tar.gz: train on it the models that are not given"),
  generator: optionalPath("generator, .safetensors or .onnx", shipped),
  guide: optionalPath(
    "weaker generator that guides the one of --generator, such as an early checkpoint, for --sampler.guide weaker",
  ),
  labeler: optionalPath("labeler, .safetensors or .onnx", shipped),
} as const;

/** Refuses a source that has no use. @throws Cifar5mError `usage/wrong`, `usage/nothing-to-train` */
export function requireUse(
  { data, generator, guide, labeler }: BuildSources,
  { dropNearCopies }: Pick<Config, "dropNearCopies">,
): void {
  if (guide !== undefined && generator === undefined) {
    throw new Cifar5mError("usage/wrong", "--guide needs the generator that it guides. Name it with --generator FILE.");
  }
  if (data !== undefined && generator !== undefined && labeler !== undefined && !dropNearCopies) {
    throw new Cifar5mError(
      "usage/nothing-to-train",
      "--data has no use beside --generator and --labeler. Leave one out.",
    );
  }
}
