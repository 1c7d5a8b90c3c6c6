import { Cifar5mError } from "../core/errors.ts";
import { fileExists } from "../storage/read-file.ts";
import { type BuildSources, checkStep, fetchSteps, growStep, modelSource, modelStep, pinStep } from "./build.ts";
import { readWeights } from "./build-estimate.ts";
import { prepareBatchSize } from "./models/auto-batched-sampler.ts";
import { readModelReceipt } from "./models/models.ts";
import { timeLabeling, timeSampling } from "./models/time-models.ts";
import type { Config } from "./run/config.ts";
import { readPinnedRun } from "./run/pinned-run.ts";
import type { ModelName, RunFolder } from "./run/run-folder.ts";
import { readSpeedIfAny, type Speed, writeSpeed } from "./run/speed.ts";
import type { Step, StepOptions } from "./run/step.ts";

/** What a preparation found. */
export interface Preparation {
  readonly batchSize: number;
  readonly imagesPerSecond: Speed;
}

/**
 * Everything that workers of a run would otherwise each do first: it pins the configuration, brings in the models or
 * trains them, finds the batch size, and measures how fast images are made on this machine.
 * @param options.walltimeSeconds - of the tasks that will do the units; without it, any speed will do
 * @param options.report - told what was measured
 */
export function prepareSteps(
  stepOptions: StepOptions,
  sources: BuildSources,
  options: { readonly walltimeSeconds?: number | undefined; readonly report: (found: Preparation) => void },
): Step[] {
  const { config } = stepOptions;
  const measure = measureStep(stepOptions, sources, options);
  const models = [modelStep(stepOptions, "generator", sources), modelStep(stepOptions, "labeler", sources)];
  const isTrained = [modelSource("generator", sources, config), modelSource("labeler", sources, config)].includes(
    undefined,
  );
  const check = [checkStep(stepOptions, sources), ...fetchSteps(stepOptions, sources)];
  // Measured before the configuration is pinned, if possible: a unit that is too large can then be chosen anew.
  return isTrained
    ? [...check, pinStep(stepOptions), ...models, measure, growStep(stepOptions)]
    : [...check, measure, pinStep(stepOptions), ...models, growStep(stepOptions)];
}

function measureStep(
  stepOptions: StepOptions,
  sources: BuildSources,
  options: Parameters<typeof prepareSteps>[2],
): Step {
  const { folder, config, runtime } = stepOptions;
  return {
    name: "measure",
    total: 0,
    async *run({ signal }) {
      const read = async (name: ModelName) => {
        const weights = await readWeights(stepOptions, sources, name);
        if (weights !== undefined) return weights;
        throw new Cifar5mError(
          "run/model-missing",
          `${folder.model(name)} must stay where this command put it, and is gone. Run the same command again.`,
        );
      };
      const [generator, labeler] = await Promise.all([read("generator"), read("labeler")]);
      const sizes = (await readPinnedRun(folder))?.sizes ?? [config];
      const batchSize = await prepareBatchSize({ folder, config, sizes }, runtime, generator);
      const batched = { runtime, config: { ...config, sampler: { ...config.sampler, batchSize } } };
      const imagesPerSecond = {
        sample: 1000 / (await timeSampling(batched, generator, signal)),
        label: 1000 / (await timeLabeling(stepOptions, labeler, signal)),
      };
      options.report({ batchSize, imagesPerSecond });
      if (options.walltimeSeconds !== undefined) requireWalltime(config, imagesPerSecond, options.walltimeSeconds);
      await writeSpeed(folder, imagesPerSecond);
      yield imagesPerSecond;
    },
  };
}

/** Part of the walltime that a unit may take: what is lost when a task is ended is less than what it did. */
const mostOfWalltime = 0.5;

/**
 * Refuses a walltime in which workers would hardly finish a unit.
 * @param walltimeSeconds - of a task, without the time that it needs to end in order
 * @throws Cifar5mError `submit/walltime-too-short`, which names the time and the unit size that would do
 */
export function requireWalltime(
  { unitSize, count, testCount }: Pick<Config, "unitSize" | "count" | "testCount">,
  speed: Speed,
  walltimeSeconds: number,
): void {
  const rows = Math.min(unitSize, Math.max(count, testCount));
  const slowest = Math.min(speed.sample, speed.label);
  const unitSeconds = rows / slowest;
  if (unitSeconds <= mostOfWalltime * walltimeSeconds) return;
  const possible = Math.floor(mostOfWalltime * walltimeSeconds * slowest);
  const smaller = possible > 0 ? `, or a new run with --unit-size ${roundDown(possible)}` : "";
  throw new Cifar5mError(
    "submit/walltime-too-short",
    `a unit of ${rows} images must take at most half of a task's ${Math.floor(walltimeSeconds)} s, and takes about ` +
      `${Math.ceil(unitSeconds)} s at ${slowest.toPrecision(3)} images/s. Use a --time of ` +
      `${Math.ceil((unitSeconds / mostOfWalltime + 240) / 60)} minutes or more${smaller}.`,
  );
}

/** To two digits: 3,517 is 3,500. */
function roundDown(value: number): number {
  const unit = 10 ** Math.max(0, Math.floor(Math.log10(value)) - 1);
  return Math.floor(value / unit) * unit;
}

/** Whether a run has all that `prepareSteps` makes. */
export async function isPrepared(folder: RunFolder): Promise<boolean> {
  const parts = await Promise.all([
    readSpeedIfAny(folder),
    readModelReceipt(folder, "generator"),
    readModelReceipt(folder, "labeler"),
  ]);
  return (await fileExists(folder.config)) && !parts.includes(undefined);
}
