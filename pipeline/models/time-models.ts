import { imageBytes } from "../../core/image-layout.ts";
import type { Sampler } from "../../generator/sampling/denoiser-sampler.ts";
import { requestFrom } from "../run/sample-request.ts";
import type { StepOptions } from "../run/step.ts";
import { timeRuns } from "./time-runs.ts";

/** Number of calls of the sampler that is timed, at most: a batch with a thousand calls takes minutes. */
const mostCalls = 40;
/** Short batches are timed this often at most, and no more once so many milliseconds were spent. */
const [mostRuns, enoughMs] = [5, 300];
/** Steps of the short samplers that stand for one with more calls. */
const fewSteps = 10;
/** If the first batch takes this long, milliseconds, no second batch is timed. */
const longBatchMs = 5000;

/** @returns milliseconds per image */
export async function timeSampling(
  { config, runtime }: Pick<StepOptions, "config" | "runtime">,
  weights: Uint8Array,
  signal: AbortSignal,
): Promise<number> {
  const open = async (steps: number) =>
    await runtime.openSampler({ ...config, sampler: { ...config.sampler, steps } }, weights);
  const time = async (sampler: Sampler) => {
    const request = requestFrom(0, sampler.batchSize, config.sampler);
    const spentMs = await timeFastest(() => sampler.sample(request), signal).finally(() => sampler.close());
    return { nfe: sampler.nfe, imageMs: spentMs / sampler.batchSize };
  };
  const sampler = await open(config.sampler.steps);
  if (sampler.nfe <= mostCalls) return (await time(sampler)).imageMs;
  const { nfe } = sampler;
  await sampler.close();
  const [few, more] = [await time(await open(fewSteps)), await time(await open(2 * fewSteps))];
  // Part of the time does not depend on the number of calls; on a busy machine the difference may say nothing.
  const callMs = (more.imageMs - few.imageMs) / (more.nfe - few.nfe);
  return more.imageMs + (callMs > 0 ? callMs : more.imageMs / more.nfe) * (nfe - more.nfe);
}

/** @returns milliseconds per image */
export async function timeLabeling(
  { config, runtime }: Pick<StepOptions, "config" | "runtime">,
  weights: Uint8Array,
  signal: AbortSignal,
): Promise<number> {
  const labeler = await runtime.openLabeler(config, weights);
  const images = new Uint8Array(labeler.batchSize * imageBytes);
  const spentMs = await timeFastest(() => labeler.label(images), signal).finally(() => labeler.close());
  return spentMs / labeler.batchSize;
}

/** Milliseconds of the fastest of some runs. */
async function timeFastest(run: () => Promise<unknown>, signal: AbortSignal): Promise<number> {
  return Math.min(...(await timeRuns(run, { leastMs: enoughMs, mostRuns, longMs: longBatchMs, signal })));
}
