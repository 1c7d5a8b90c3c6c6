import { Cifar5mError } from "../../core/errors.ts";
import { parseDevice } from "../../engine/device-name.ts";
import { isOutOfMemory } from "../../engine/memory-error.ts";
import type { Sampler } from "../../generator/sampling/denoiser-sampler.ts";
import { sealJson } from "../../storage/canonical-json.ts";
import { commitBytes } from "../../storage/commit.ts";
import { fileExists } from "../../storage/read-file.ts";
import { readSealed } from "../../storage/read-sealed.ts";
import type { Config } from "../run/config.ts";
import type { Run } from "../run/run.ts";
import { requestFrom } from "../run/sample-request.ts";
import { findBatchSize, type Trial } from "./find-batch-size.ts";
import { fixedBatchSize } from "./fixed-batch-size.ts";
import type { ModelRuntime } from "./model-runtime.ts";
import { readModel } from "./models.ts";

/** For fewer images the search for the fastest batch size costs more than it saves: any that fits will do. */
const fewImages = 10_000;
const most = 4096;

/**
 * Opens a run's sampler with the batch size of the run, which suits the device where it was searched for.
 * @param options.search - whether to search for a batch size if the run has none yet
 * @returns a sampler that throws Cifar5mError `engine/out-of-memory` where memory does not suffice any more
 * @throws Cifar5mError `engine/out-of-memory` if not even one image fits; what opening throws
 */
export async function openAutoBatchedSampler(
  run: Pick<Run, "folder" | "config" | "sizes">,
  runtime: ModelRuntime,
  { search }: { readonly search: boolean },
): Promise<Sampler> {
  const weights = await readModel(run.folder, "generator");
  const open = openerOf(run.config, runtime, weights);
  const batchSize = (await chooseBatchSize(run, search, open)) ?? fixedBatchSize(run.config);
  const sampler = await namingBatchSize(batchSize, () => open(batchSize));
  return {
    ...sampler,
    sample: (request) => namingBatchSize(batchSize, () => sampler.sample(request)),
  };
}

/** Tells who runs out of memory why the batch is not simply halved: the images would not be those of the run. */
async function namingBatchSize<Result>(batchSize: number, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (thrown) {
    if (!(thrown instanceof Cifar5mError) || !isOutOfMemory(thrown)) throw thrown;
    throw new Cifar5mError(
      thrown.code,
      `a batch of ${batchSize} images, as in the rest of this run, must fit into the memory of the device, and does not: ` +
        `${thrown.message} What was made is kept: free the device and run again, or begin a new run with another --sampler.batch-size.`,
      { cause: thrown },
    );
  }
}

/**
 * Finds the batch size that all workers of a run will use, so that they do not search at once.
 * @param weights - of the generator, which the run need not have yet
 * @returns the batch size; where none is searched for, the one that follows from the configuration
 */
export async function prepareBatchSize(
  run: Pick<Run, "folder" | "config" | "sizes">,
  runtime: ModelRuntime,
  weights: Uint8Array,
): Promise<number> {
  const open = openerOf(run.config, runtime, weights);
  return (await chooseBatchSize(run, true, open)) ?? fixedBatchSize(run.config);
}

function openerOf(base: Config, runtime: ModelRuntime, weights: Uint8Array) {
  return (batchSize: number, config: Config = base) =>
    runtime.openSampler({ ...config, sampler: { ...config.sampler, batchSize } }, weights);
}

/**
 * Chooses the batch size that the run's workers share. With another batch size a GPU may round differently, so images
 * that are made again need the same batch size.
 * @returns undefined if no batch size is to be searched for
 */
async function chooseBatchSize(
  { folder, config, sizes }: Pick<Run, "folder" | "config" | "sizes">,
  search: boolean,
  open: (batchSize: number, config: Config) => Promise<Sampler>,
): Promise<number | undefined> {
  const { sampler, device } = config;
  if (sampler.batchSize !== "auto" || parseDevice(device).kind === "cpu") return undefined;
  if (!(await fileExists(folder.batchSize))) {
    if (!search) return undefined;
    // The fastest batch size does not depend on the number of steps, which may be a thousand.
    const quick = { ...config, sampler: { ...sampler, steps: Math.min(sampler.steps, 4) } };
    // The first size decides: images of a set that grows come from one batch size, or they could not be made again.
    const { count, testCount } = sizes[0]!;
    const start = fixedBatchSize(config);
    const found = await findBatchSize({
      start,
      ...(count + testCount < fewImages ? { most: start, milliseconds: 0 } : { most, milliseconds: 500 }),
      open: async (batchSize) => trialOf(await open(batchSize, quick), sampler),
    });
    await commitBytes(folder.batchSize, sealJson({ version: 1, ...found }));
  }
  // Another worker may have been first.
  const { batchSize } = (await readSealed(folder.batchSize, batchSizeAdvice)) as { readonly batchSize: number };
  return batchSize;
}

/** Another batch size rounds differently, so `repair` could not make the images again that there are. */
const batchSizeAdvice =
  "It is damaged or was edited by hand. Put it back from a copy; in a run without images, delete it and run again.";

/** A sampler as a trial: each run samples the first ids. */
export function trialOf(sampler: Sampler, options: Config["sampler"]): Trial {
  const request = requestFrom(0, sampler.batchSize, options);
  return {
    numImages: sampler.batchSize,
    run: () => sampler.sample(request),
    close: () => sampler.close(),
  };
}
