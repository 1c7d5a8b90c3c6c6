import { parseDevice } from "../../engine/device-name.ts";
import { isOutOfMemory } from "../../engine/memory-error.ts";
import type { Sampler } from "../../generator/sampling/denoiser-sampler.ts";
import { sealJson } from "../../storage/canonical-json.ts";
import { commitBytes } from "../../storage/commit.ts";
import { fileExists } from "../../storage/read-file.ts";
import { readSealed } from "../../storage/read-sealed.ts";
import type { Config } from "../run/config.ts";
import type { Run } from "../run/run.ts";
import { findBatchSize, type Trial } from "./find-batch-size.ts";
import { fixedBatchSize } from "./fixed-batch-size.ts";
import type { ModelRuntime } from "./model-runtime.ts";
import { readModel } from "./models.ts";

/** For fewer images a search costs more than it saves. */
const fewImages = 10_000;
const most = 4096;

/**
 * Opens a run's sampler with a batch size that suits the device, and reduces it whenever memory does not suffice.
 * @param options.search - whether to search for a batch size if the run has none yet
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
  return await halveOnOutOfMemory(open, batchSize);
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
  // The first size decides: images of a set that grows come from one batch size, or they could not be made again.
  const { count, testCount } = sizes[0]!;
  const isFixed = sampler.batchSize !== "auto" || parseDevice(device).kind === "cpu" || count + testCount < fewImages;
  if (isFixed) return undefined;
  if (!(await fileExists(folder.batchSize))) {
    if (!search) return undefined;
    // The fastest batch size does not depend on the number of steps, which may be a thousand.
    const quick = { ...config, sampler: { ...sampler, steps: Math.min(sampler.steps, 4) } };
    const found = await findBatchSize({
      start: fixedBatchSize(config),
      most,
      milliseconds: 500,
      open: async (batchSize) => trialOf(await open(batchSize, quick)),
    });
    await commitBytes(folder.batchSize, sealJson({ version: 1, ...found }));
  }
  // Another worker may have been first.
  const { batchSize } = (await readSealed(folder.batchSize)) as { readonly batchSize: number };
  return batchSize;
}

/** A sampler as a trial: each run samples the first ids. */
export function trialOf(sampler: Sampler): Trial {
  const ids = Float64Array.from({ length: sampler.batchSize }, (_, index) => index);
  const classes = Int8Array.from(ids, (id) => id % 10);
  return {
    numImages: ids.length,
    run: () => sampler.sample({ ids, classes }),
    close: () => sampler.close(),
  };
}

/**
 * Opens a sampler that is reopened with half the batch size whenever memory does not suffice, down to a batch size of
 * 1. Requests that are under way then are repeated if they fail too.
 */
export async function halveOnOutOfMemory(
  open: (batchSize: number) => Promise<Sampler>,
  start: number,
): Promise<Sampler> {
  let batchSize = start;
  let sampler = await openLargest();
  let reopening: Promise<void> | undefined;
  const running = new Set<Promise<unknown>>();
  return {
    get batchSize() {
      return sampler.batchSize;
    },
    nfe: sampler.nfe,
    numClasses: sampler.numClasses,
    sample: async (request) => {
      for (;;) {
        await reopening;
        const used = sampler;
        const images = used.sample(request);
        running.add(images);
        try {
          return await images;
        } catch (thrown) {
          // Another request may have found first that memory does not suffice.
          if (used !== sampler && isOutOfMemory(thrown)) continue;
          requireHalvable(thrown);
          reopening ??= reopen();
        } finally {
          running.delete(images);
        }
      }
    },
    close: () => sampler.close(),
  };

  async function reopen(): Promise<void> {
    await Promise.allSettled(running);
    await sampler.close();
    batchSize = Math.floor(batchSize / 2);
    sampler = await openLargest();
    reopening = undefined;
  }

  async function openLargest(): Promise<Sampler> {
    for (;;) {
      try {
        return await open(batchSize);
      } catch (thrown) {
        requireHalvable(thrown);
        batchSize = Math.floor(batchSize / 2);
      }
    }
  }

  function requireHalvable(thrown: unknown): void {
    if (!isOutOfMemory(thrown) || batchSize === 1) throw thrown;
  }
}
