import { Cifar5mError } from "../core/errors.ts";
import { isBucket } from "../storage/object-files.ts";
import { fileExists } from "../storage/read-file.ts";
import { cardStep } from "./card/write-card.ts";
import { readModelReceipt, requireNotInTraining } from "./models/models.ts";
import { requireTrainable } from "./models/plan-training.ts";
import { readGeneratorFile } from "./models/read-model-file.ts";
import type { Config } from "./run/config.ts";
import { requireOpenable } from "./run/run.ts";
import type { ModelName } from "./run/run-folder.ts";
import { shippedModel } from "./run/shipped-files.ts";
import type { StageContext } from "./run/stage.ts";
import type { Step, StepOptions } from "./run/step.ts";
import { requireNearCopySource } from "./stages/search-near-copies.ts";
import {
  dedupStep,
  fetchStep,
  importShippedStep,
  importStep,
  manifestStep,
  openRunOnDevice,
  publishStep,
  requireUsableModel,
  sampleAndLabelStep,
  trainStep,
} from "./steps.ts";
import { verifyStep } from "./verify/verify.ts";

/** Where the models of a build come from. */
export interface BuildSources {
  /** CIFAR-10, a folder or .tar.gz. Models without given weights are trained on it. */
  readonly data?: string | undefined;
  /** Weights of the generator. Without these and without data, the shipped weights are used. */
  readonly generator?: string | undefined;
  /** A weaker generator that guides it, for `sampler.guide` weaker. */
  readonly guide?: string | undefined;
  /** Weights of the labeler. Without these and without data, the shipped weights are used. */
  readonly labeler?: string | undefined;
}

/** All steps of a build, in order. Each step skips the work that is already done. */
export function buildSteps(options: StepOptions, sources: BuildSources): Step[] {
  return [
    checkStep(options, sources),
    ...fetchSteps(options, sources),
    pinStep(options),
    modelStep(options, "generator", sources),
    modelStep(options, "labeler", sources),
    sampleAndLabelStep(options),
    dedupStep(options),
    publishStep(options),
    manifestStep(options),
    cardStep(options.folder.root),
    // Where every byte was hashed on its way, sizes and receipts tell whether all is there.
    verifyStep(options, isBucket(options.folder.root) ? "fast" : "full"),
  ];
}

/** Brings CIFAR-10 into the run, if a build is given it. */
export function fetchSteps(options: StepOptions, { data }: BuildSources): Step[] {
  return data === undefined ? [] : [fetchStep(options, data)];
}

/** Takes a model from its file, or trains it. Where neither is asked for, the run's own or else the shipped one serves. */
export function modelStep(options: StepOptions, name: ModelName, sources: BuildSources): Step {
  const file = sources[name];
  if (file !== undefined) return importStep(options, name, file, guideOf(name, sources));
  return sources.data === undefined ? importShippedStep(options, name) : trainStep(options, name);
}

/** The file that a model is taken from; undefined for a model that is trained. */
export function modelSource(name: ModelName, sources: BuildSources, config: Config): string | undefined {
  return sources[name] ?? (sources.data === undefined ? shippedModel(name, config) : undefined);
}

/** The file of the model that guides a generator. */
export function guideOf(name: ModelName, { guide }: BuildSources): string | undefined {
  return name === "generator" ? guide : undefined;
}

/** Refuses a run folder with another configuration, and models that do not fit this one, before any work is done. */
export function checkStep(options: StepOptions, sources: BuildSources): Step {
  const { folder, config } = options;
  return {
    name: "check",
    total: 0,
    async *run(_context: StageContext) {
      requireModelFiles(folder.root, sources.data);
      await requireOpenable(folder, config);
      if (sources.data === undefined) await requireNearCopySource({ folder, config });
      for (const name of ["generator", "labeler"] as const) {
        const source = modelSource(name, sources, config);
        if (source === undefined) await requireTrainable(folder, name);
        if ((await readModelReceipt(folder, name)) !== undefined) continue;
        if (source !== undefined) {
          await requireNotInTraining(folder, name);
          const weights = await readGeneratorFile(source, guideOf(name, sources));
          await requireUsableModel(options, name, weights);
        } else if (name === "generator") requireSamplerOfTrained(config);
      }
      yield config;
    },
  };
}

/**
 * Refuses to train in a bucket, which keeps no file that grows.
 * @throws Cifar5mError `usage/trains-in-bucket`
 */
export function requireModelFiles(run: string, data: string | undefined): void {
  if (data === undefined || !isBucket(run)) return;
  throw new Cifar5mError(
    "usage/trains-in-bucket",
    `models of a run in a bucket must come from files, got --data ${data}. Train them in a run folder, then name both ` +
      "with --generator and --labeler. `cifar5m fetch --data` takes CIFAR-10 alone.",
  );
}

/**
 * Pins a new run. It comes after the checks of the device, the models and the data: a run that is pinned without them
 * could not be built. It comes before the training, so that a later call continues with the same options.
 */
export function pinStep(options: StepOptions): Step {
  return {
    name: "pin",
    total: 0,
    isQuiet: true,
    async *run(context: StageContext) {
      // A larger size is pinned when the models are there: it could not be taken back.
      if (!(await fileExists(options.folder.config))) yield await openRunOnDevice(options, context);
    },
  };
}

/** Lets a run grow to the configured size. It comes after the models; in a build, the step that samples does it. */
export function growStep(options: StepOptions): Step {
  return {
    name: "grow",
    total: 0,
    isQuiet: true,
    async *run(context: StageContext) {
      yield await openRunOnDevice(options, context);
    },
  };
}

/**
 * Refuses a sampler that cannot use the generator that the build trains. Otherwise the error would appear only after
 * hours.
 */
function requireSamplerOfTrained({ sampler, generator }: Config): void {
  if (sampler.name === "consistency") {
    throw new Cifar5mError(
      "config/out-of-range",
      "sampler.name must be another than consistency for a generator that the build trains, which is not tuned. " +
        "Use --recipe fast, or name tuned weights with --generator. With --data, build trains; to only bring CIFAR-10 in, " +
        "run `cifar5m fetch RUN --data` and leave --data out.",
    );
  }
  if (sampler.conditional && generator.numClasses === 0) {
    throw new Cifar5mError(
      "config/out-of-range",
      "sampler.conditional must be false for a generator that is trained with generator.numClasses 0, got true. Set it to false.",
    );
  }
}
