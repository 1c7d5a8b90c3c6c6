import { imageBytes } from "../../core/image-layout.ts";
import type { Sampler } from "../../generator/sampling/denoiser-sampler.ts";
import type { StepOptions } from "../run/step.ts";
import { conditioningClassOf } from "../run/units.ts";

/** Number of calls of the sampler that is timed, at most: a batch with a thousand calls takes minutes. */
const mostCalls = 40;
/** Short batches are timed this often at most, and no more once so many milliseconds were spent. */
const [mostRuns, enoughMs] = [6, 500];
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
    const ids = Float64Array.from({ length: sampler.batchSize }, (_, index) => index);
    const classes = Int8Array.from(ids, (id) => conditioningClassOf(id, config.sampler));
    const spentMs = await timeSecond(() => sampler.sample({ ids, classes }), signal).finally(() => sampler.close());
    return { nfe: sampler.nfe, imageMs: spentMs / ids.length };
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
  const spentMs = await timeSecond(() => labeler.label(images), signal).finally(() => labeler.close());
  return spentMs / labeler.batchSize;
}

/** Times the fastest of some runs after the first one, which allocates memory and chooses algorithms. */
async function timeSecond(run: () => Promise<unknown>, signal: AbortSignal): Promise<number> {
  let [bestMs, totalMs] = [Number.POSITIVE_INFINITY, 0];
  for (let turn = 0; turn < 2 || (turn < mostRuns && totalMs < enoughMs); turn++) {
    signal.throwIfAborted();
    const startMs = performance.now();
    await run();
    const spentMs = performance.now() - startMs;
    if (turn > 0 || spentMs >= longBatchMs) bestMs = Math.min(bestMs, spentMs);
    if (spentMs >= longBatchMs) break;
    totalMs += spentMs;
  }
  return bestMs;
}
