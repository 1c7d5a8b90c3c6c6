import { fileExists } from "./read-file.ts";
import { readGeneratorFile } from "./read-model-file.ts";
import { runFolderAt } from "./run-folder.ts";
import { shippedModel } from "./shipped-files.ts";
import type { StageContext } from "./stage.ts";
import {
  dedupStep,
  fetchStep,
  fingerprintStep,
  importStep,
  labelStep,
  manifestStep,
  openRunOnDevice,
  publishStep,
  requireUsableModel,
  type Step,
  type StepOptions,
  sampleStep,
  trainStep,
} from "./steps.ts";
import { verifyStep } from "./verify.ts";

/** Where the models of a build come from. */
export interface BuildSources {
  /** CIFAR-10, a folder or .tar.gz: a model for which no weights are given is trained on it. */
  readonly data?: string;
  /** Weights of the generator; with neither this nor data, the shipped ones. */
  readonly generator?: string;
  /** A weaker generator to guide it by, for `sampler.guide` weaker. */
  readonly guide?: string;
  /** Weights of the labeller; with neither this nor data, the shipped ones. */
  readonly labeler?: string;
}

/** All steps of a build, in order. What is done is skipped by the steps themselves. */
export function buildSteps(options: StepOptions, sources: BuildSources): Step[] {
  const { data } = sources;
  const modelStep = (name: "generator" | "labeler") => {
    const source = sources[name];
    const guide = name === "generator" ? sources.guide : undefined;
    if (source !== undefined) return importStep(options, name, source, guide);
    if (data !== undefined) return trainStep(options, name);
    return importStep(options, name, shippedModel(name, options.config));
  };
  return [
    settleStep(options, sources),
    ...(data === undefined ? [] : [fetchStep(options, data)]),
    modelStep("generator"),
    modelStep("labeler"),
    sampleStep(options),
    labelStep(options),
    fingerprintStep(options),
    dedupStep(options),
    publishStep(options),
    manifestStep(options),
    verifyStep({ root: options.root }),
  ];
}

/**
 * Refuses a run folder with another configuration before any work is done. A new one is settled only for models that fit,
 * or it could never be built.
 */
function settleStep(options: StepOptions, sources: BuildSources): Step {
  return {
    name: "settle",
    total: 0,
    async *run(_context: StageContext) {
      const isNew = !(await fileExists(runFolderAt(options.root).config));
      for (const name of ["generator", "labeler"] as const) {
        const source = sources[name];
        if (!isNew || source === undefined) continue;
        const guide = name === "generator" ? sources.guide : undefined;
        await requireUsableModel(options, name, await readGeneratorFile(source, guide));
      }
      yield await openRunOnDevice(options);
    },
  };
}
