/**
 * A promise's outcome, or the reason of the first signal that is aborted before. Nothing stays registered at the signals:
 * a race with a promise that outlives many others would keep the values of all of them.
 */
export async function untilAborted<Value>(
  promise: Promise<Value>,
  signals: readonly (AbortSignal | undefined)[],
): Promise<Value> {
  const watched = signals.filter((signal) => signal !== undefined);
  let onAbort = () => {};
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(watched.find((signal) => signal.aborted)?.reason);
  });
  for (const signal of watched) {
    signal.addEventListener("abort", onAbort);
    if (signal.aborted) onAbort();
  }
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    for (const signal of watched) signal.removeEventListener("abort", onAbort);
  }
}
