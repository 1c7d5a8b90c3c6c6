/** Milliseconds between looks. */
const intervalMs = 50;

/**
 * Watches this process while some work goes on.
 * @returns what the work gave, its seconds, and the most resident memory seen in the meantime, MB
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
