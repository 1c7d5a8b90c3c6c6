import { isOutOfMemory } from "../../engine/memory-error.ts";
import { runsPerSecond, timeRuns } from "./time-runs.ts";

/** A generator with a fixed batch size, to be timed. */
export interface Trial {
  /** Number of images per run. */
  readonly numImages: number;
  run(): Promise<unknown>;
  close(): Promise<void>;
}

export interface BatchSizeSearch {
  readonly open: (batchSize: number) => Promise<Trial>;
  /** The batch size where doubling starts. */
  readonly start: number;
  readonly most: number;
  /** Shortest time to measure a batch size for. */
  readonly milliseconds: number;
  /** Returns milliseconds; only differences count. */
  readonly clock?: () => number;
}

export interface FoundBatchSize {
  readonly batchSize: number;
  readonly imagesPerSecond: number;
}

/** Required speedup of a batch size that is twice as large: it also takes twice the memory. */
const leastGain = 1.05;

/**
 * Finds the batch size that is worth its memory. It doubles the batch size while that makes images faster and memory
 * suffices. A start that is too large is halved.
 * @throws Cifar5mError `engine/out-of-memory` if not even one image fits; what opening and running throw
 */
export async function findBatchSize(search: BatchSizeSearch): Promise<FoundBatchSize> {
  let best = await measureLargest(search, search.start);
  // A batch size that had to be halved is the largest that fits.
  if (best.batchSize < search.start) return best;
  while (2 * best.batchSize <= search.most) {
    const next = await measureIfFits(search, 2 * best.batchSize);
    if (next === undefined || next.imagesPerSecond < leastGain * best.imagesPerSecond) break;
    best = next;
  }
  return best;
}

async function measureLargest(search: BatchSizeSearch, batchSize: number): Promise<FoundBatchSize> {
  if (batchSize === 1) return await measure(search, 1);
  return (await measureIfFits(search, batchSize)) ?? (await measureLargest(search, Math.floor(batchSize / 2)));
}

async function measureIfFits(search: BatchSizeSearch, batchSize: number): Promise<FoundBatchSize | undefined> {
  try {
    return await measure(search, batchSize);
  } catch (thrown) {
    if (isOutOfMemory(thrown)) return undefined;
    throw thrown;
  }
}

async function measure(search: BatchSizeSearch, batchSize: number): Promise<FoundBatchSize> {
  const { open, milliseconds, clock } = search;
  const trial = await open(batchSize);
  try {
    const spentMs = await timeRuns(() => trial.run(), { leastMs: milliseconds, clock });
    return { batchSize, imagesPerSecond: trial.numImages * runsPerSecond(spentMs) };
  } finally {
    await trial.close();
  }
}
