import type { Sampler } from "../../generator/sampling/denoiser-sampler.ts";
import type { ModelRuntime } from "../models/model-runtime.ts";
import { readModel, readModelReceipt } from "../models/models.ts";
import { runsPerSecond, timeRuns } from "../models/time-runs.ts";
import type { Config } from "../run/config.ts";
import type { RunFolder } from "../run/run-folder.ts";
import { requestFrom } from "../run/sample-request.ts";
import type { GeneratorSpeed } from "./score.ts";

/** Shortest time of the measurement, milliseconds. */
const leastMs = 2000;

/**
 * Times the run's generator for some seconds, after a batch to warm up.
 * @returns undefined if the run has no generator
 * @throws what opening the sampler throws
 */
export async function measureSpeed(options: {
  readonly folder: RunFolder;
  readonly config: Config;
  readonly runtime: ModelRuntime;
  readonly signal: AbortSignal;
}): Promise<GeneratorSpeed | undefined> {
  const { folder, config, runtime, signal } = options;
  const receipt = await readModelReceipt(folder, "generator");
  if (receipt === undefined) return undefined;
  const sampler = await runtime.openSampler(config, await readModel(folder, "generator"));
  const imagesPerSecond = await timeSampler(sampler, config, signal).finally(() => sampler.close());
  const { engine, device, sampler: samplerOptions } = config;
  return { sha256: receipt.sha256, nfe: sampler.nfe, imagesPerSecond, engine, device, sampler: samplerOptions };
}

/** Times a sampler for some seconds, after a batch to warm up. @returns images per second */
export async function timeSampler(
  sampler: Sampler,
  config: Pick<Config, "sampler">,
  signal: AbortSignal,
): Promise<number> {
  const request = requestFrom(0, sampler.batchSize, config.sampler);
  const spentMs = await timeRuns(() => sampler.sample(request), { leastMs, signal });
  return sampler.batchSize * runsPerSecond(spentMs);
}
