/** How long some work is timed. */
export interface TimingOptions {
  /** Runs go on until they took this long together, milliseconds. */
  readonly leastMs: number;
  /** Number of timed runs, at most. */
  readonly mostRuns?: number;
  /** If the first run takes this long, milliseconds, it counts, and there is no second one. */
  readonly longMs?: number;
  readonly signal?: AbortSignal | undefined;
  /** Returns milliseconds; only differences count. */
  readonly clock?: (() => number) | undefined;
}

/**
 * Times runs after a first one, which allocates memory and chooses algorithms.
 * @returns the milliseconds of each timed run, one at least
 * @throws the signal's reason; what `run` throws
 */
export async function timeRuns(
  run: () => Promise<unknown>,
  {
    leastMs,
    mostRuns = Number.POSITIVE_INFINITY,
    longMs = Number.POSITIVE_INFINITY,
    signal,
    clock = () => performance.now(),
  }: TimingOptions,
): Promise<readonly number[]> {
  const timeOne = async () => {
    signal?.throwIfAborted();
    const startMs = clock();
    await run();
    return clock() - startMs;
  };
  const firstMs = await timeOne();
  if (firstMs >= longMs) return [firstMs];
  const spentMs: number[] = [];
  let totalMs = 0;
  do {
    spentMs.push(await timeOne());
    totalMs += spentMs.at(-1)!;
  } while (spentMs.length < mostRuns && totalMs < leastMs);
  return spentMs;
}

/** Runs per second, on average. @param spentMs - as `timeRuns` returns */
export function runsPerSecond(spentMs: readonly number[]): number {
  return (1000 * spentMs.length) / spentMs.reduce((sum, ms) => sum + ms, 0);
}
