import type { Config } from "../config.ts";
import type { ModelRuntime } from "../model-runtime.ts";
import { readModel, readModelReceipt } from "../models.ts";
import { runFolderAt } from "../run-folder.ts";
import { conditioningClassOf } from "../units.ts";

/** What an image costs. */
export interface GeneratorSpeed {
  /** Of the weights. */
  readonly sha256: string;
  /** Denoiser calls per image. */
  readonly nfe: number;
  readonly imagesPerSecond: number;
  readonly engine: string;
  readonly device: string;
  readonly sampler: Config["sampler"];
}

/** Seconds that are measured, at least. */
const leastSeconds = 2;

/**
 * Draws images with the run's generator for some seconds, after a batch to warm up.
 * @returns undefined where the run has no generator
 * @throws what opening the sampler throws
 */
export async function measureSpeed(options: {
  readonly root: string;
  readonly config: Config;
  readonly runtime: ModelRuntime;
  readonly signal: AbortSignal;
}): Promise<GeneratorSpeed | undefined> {
  const { root, config, runtime, signal } = options;
  const folder = runFolderAt(root);
  const receipt = await readModelReceipt(folder, "generator");
  if (receipt === undefined) return undefined;
  const sampler = await runtime.openSampler(config, await readModel(folder, "generator"));
  const { batchSize, nfe } = sampler;
  const ids = Float64Array.from({ length: batchSize }, (_, index) => index);
  const draw = () =>
    sampler.sample({ ids, classes: Int8Array.from(ids, (id) => conditioningClassOf(id, config.sampler)) });
  let [images, seconds] = [0, 0];
  try {
    await draw();
    while (seconds < leastSeconds) {
      signal.throwIfAborted();
      const started = performance.now();
      await draw();
      seconds += (performance.now() - started) / 1000;
      images += batchSize;
    }
  } finally {
    await sampler.close();
  }
  const { engine, device, sampler: samplerOptions } = config;
  return {
    ...{ sha256: receipt.sha256, nfe, imagesPerSecond: images / seconds, engine, device },
    sampler: samplerOptions,
  };
}
