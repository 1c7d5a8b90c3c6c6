/** Milliseconds between measurements. */
const intervalMs = 50;

/**
 * Measures the memory of this process during some work.
 * @returns the result of the work, its seconds, and the largest resident memory seen meanwhile, MB
 */
export async function watchMemory<Result>(
  work: () => Promise<Result>,
): Promise<{ readonly result: Result; readonly seconds: number; readonly peakMegabytes: number }> {
  let peakBytes = 0;
  const look = () => {
    peakBytes = Math.max(peakBytes, process.memoryUsage.rss());
  };
  const timer = setInterval(look, intervalMs);
  const started = performance.now();
  try {
    const result = await work();
    look();
    return { result, seconds: (performance.now() - started) / 1000, peakMegabytes: Math.round(peakBytes / 1e6) };
  } finally {
    clearInterval(timer);
  }
}
