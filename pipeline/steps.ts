import { fileExists, readWholeFile } from "../storage/read-file.ts";
import { openCifar10Source } from "./cifar-10/cifar-10-fingerprints.ts";
import { fetchCifar10 } from "./cifar-10/fetch.ts";
import {
  hashesOfInputs,
  importModel,
  importShippedModel,
  readModel,
  readModelReceipt,
  requireModel,
  requireModels,
} from "./models/models.ts";
import { readGeneratorFile } from "./models/read-model-file.ts";
import { trainModel } from "./models/train-model.ts";
import { tuningSections } from "./run/config.ts";
import { isToPin, noRun } from "./run/pinned-run.ts";
import { openRun, plannedUnits, type Run, requireBuildable, requireOpenable } from "./run/run.ts";
import type { ModelName, RunFolder } from "./run/run-folder.ts";
import { shippedModel } from "./run/shipped-files.ts";
import type { Stage, StageContext } from "./run/stage.ts";
import type { Step, StepOptions } from "./run/step.ts";
import type { UnitStage } from "./run/unit-files.ts";
import { shareOf, unitRows } from "./run/units.ts";
import { openNeedlessCheck, unitsToDo } from "./run/units-to-do.ts";
import { dedupStage, fingerprintStage } from "./stages/dedup.ts";
import { labelStage } from "./stages/label.ts";
import { publishStage } from "./stages/publish.ts";
import { publishManifest } from "./stages/publish-manifest.ts";
import { sampleStage } from "./stages/sample.ts";
import { sampleAndLabelStage } from "./stages/sample-and-label.ts";

/** Brings CIFAR-10 into the run. @param data - folder or .tar.gz; downloaded by default */
export function fetchStep(options: StepOptions, data: string | undefined): Step {
  const { folder, config } = options;
  const { recordsPerFile } = config;
  return {
    name: "fetch",
    total: 6 * recordsPerFile,
    run: (context) => fetchCifar10({ folder, recordsPerFile, ...(data === undefined ? {} : { data }) }, context),
  };
}

/**
 * Trains a model on the run's CIFAR-10.
 * @param start - initialWeights: file of weights to start from; tune: how to tune them; labeler: file of the labeler whose
 *   features the discriminator sees; finish: whether to end soon
 */
export function trainStep(
  options: StepOptions,
  name: ModelName,
  start: Pick<Parameters<typeof trainModel>[0], "initialWeights" | "tune" | "labeler" | "finish"> = {},
): Step {
  const { folder, config, runtime } = options;
  const stepName = `train-${name}`;
  return {
    name: stepName,
    total: runtime.trainingImages[start.tune === undefined ? name : tuningSections[start.tune]](config),
    async *run(context) {
      const figures = await trainModel({ folder, name, config, runtime, ...start }, context);
      for (const [figure, value] of Object.entries(figures)) context.show(figure, value);
      yield figures;
    },
  };
}

/**
 * Takes a model made elsewhere into the run. The caller has checked with `requireUsableModel` that it fits.
 * @param guide - for a generator: file of a weaker model that is kept beside it
 */
export function importStep(options: StepOptions, name: ModelName, source: string, guide?: string): Step {
  return {
    name: `import-${name}`,
    total: 0,
    async *run() {
      yield await importModel(options.folder, name, await readGeneratorFile(source, guide));
    },
  };
}

/** Takes a shipped model into a run that has none. */
export function importShippedStep(options: StepOptions, name: ModelName): Step {
  return {
    name: `import-${name}`,
    total: 0,
    async *run() {
      yield await importShippedModel(options.folder, name, await readWholeFile(shippedModel(name, options.config)));
    },
  };
}

/**
 * Opens a model and closes it again.
 * @param weights - as `readModelFile` returns them.
 * @throws what opening the model throws, if it does not fit the configuration
 */
export async function requireUsableModel(
  { config, runtime }: StepOptions,
  name: ModelName,
  weights: Uint8Array,
): Promise<void> {
  const model = name === "generator" ? runtime.openSampler(config, weights) : runtime.openLabeler(config, weights);
  await (await model).close();
}

export function sampleStep(options: StepOptions): Step {
  return unitStep(options, ["sample"], async (run) => {
    const generator = await requireModel(run.folder, "generator");
    return sampleStage({ run, runtime: options.runtime, models: { generator } });
  });
}

export function labelStep(options: StepOptions): Step {
  return unitStep(options, ["label"], async (run) => {
    const { generator, labeler } = await requireModels(run.folder);
    return labelStage({ run, runtime: options.runtime, models: { generator, labeler } });
  });
}

/** Samples, labels and fingerprints in one pass. Its images are done when they are labeled. */
export function sampleAndLabelStep(options: StepOptions): Step {
  const makeStage = async (run: Run) =>
    sampleAndLabelStage({
      run,
      runtime: options.runtime,
      models: await requireModels(run.folder),
      isNeedless: await openNeedlessCheck(run),
    });
  const step = unitStep(options, ["sample", "label", "fingerprint"], makeStage, "label");
  return { ...step, name: "sample+label", counter: "label" };
}

export function fingerprintStep(options: StepOptions): Step {
  return unitStep(options, ["fingerprint"], async (run) => {
    const generator = await requireModel(run.folder, "generator");
    return fingerprintStage({ run, models: { generator } });
  });
}

export function dedupStep(options: StepOptions): Step {
  return unitStep(options, ["dedup"], async (run) => {
    const generator = await requireModel(run.folder, "generator");
    return dedupStage({
      run,
      models: { generator },
      cifar10: await openCifar10Source(run.folder, run.config.recordsPerFile),
    });
  });
}

export function publishStep(options: StepOptions): Step {
  return unitStep(options, ["publish"], async (run) => publishStage({ run, models: await hashesOfInputs(run) }));
}

/** Writes the manifest when the workers have published all units. */
export function manifestStep(options: StepOptions): Step {
  return {
    name: "manifest",
    total: 0,
    async *run(context) {
      await requireBegun(options.folder);
      const run = await openRun(options.folder, options.config, { clean: false, mayGrow: false });
      yield await publishManifest(run, await hashesOfInputs(run), context);
    },
  };
}

/**
 * Calls `openRun`, and checks first what is to be pinned. A configuration or a larger size is pinned only if the device
 * exists and the options fit the models that the folder has, since otherwise the run could never be built.
 * @param mayGrow - as of `openRun`
 */
export async function openRunOnDevice(
  options: StepOptions,
  { rank }: Pick<StageContext, "rank">,
  mayGrow = true,
): Promise<Run> {
  const { folder, config, runtime } = options;
  if (mayGrow && (await isToPin(folder, config))) {
    await requireOpenable(folder, config);
    await runtime.requireDevice(config);
    for (const name of ["generator", "labeler"] as const) {
      if ((await readModelReceipt(folder, name)) === undefined) continue;
      await requireUsableModel(options, name, await readModel(folder, name));
    }
  }
  // To list folders of a million files is work for one of a thousand workers.
  return await openRun(folder, config, { clean: rank === 0, mayGrow });
}

/**
 * A step that does some work on this worker's units.
 * @param stages - what is done to each unit
 * @param counter - the stage whose counts show how far the work is
 */
function unitStep(
  options: StepOptions,
  stages: readonly [UnitStage, ...UnitStage[]],
  makeStage: (run: Run) => Promise<Stage>,
  counter: UnitStage = stages[0],
): Step {
  const { folder, config, takeOver } = options;
  return {
    name: stages[0],
    total: config.count + config.testCount,
    totalOf: async ({ rank, worldSize }) => {
      const share = shareOf(await plannedUnits(folder, config), { rank, worldSize, takeOver });
      return share.reduce((sum, unit) => sum + unitRows(unit), 0);
    },
    async *run(context) {
      const mayPin = stages[0] === "sample";
      await requireBegun(folder, mayPin);
      const run = await openRunOnDevice(options, context, mayPin);
      const stage = await makeStage(run);
      yield* stage(unitsToDo(run, stages, context, takeOver, counter), context);
    },
  };
}

/**
 * Called before a configuration is pinned: a misspelled folder must not become a run.
 * @param mayPin - whether a folder that has only models is enough
 */
async function requireBegun(folder: RunFolder, mayPin = false): Promise<void> {
  await requireBuildable(folder);
  const models = mayPin ? [readModelReceipt(folder, "generator"), readModelReceipt(folder, "labeler")] : [];
  const hasModel = (await Promise.all(models)).some((receipt) => receipt !== undefined);
  if (!hasModel && !(await fileExists(folder.config))) throw await noRun(folder);
  await requireModel(folder, "generator");
}
