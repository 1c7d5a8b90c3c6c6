import { TransferError } from "./object-store.ts";
import type { TransferPolicy } from "./transfer-options.ts";

/**
 * Makes a request again after a TransferError, until `policy.tries` attempts in a row have brought nothing. An attempt that
 * brought something begins the row anew. Between two attempts there is always a wait.
 * @param options.progress - how much has come so far
 * @throws TransferError with the number of failures; what else `attempt` throws; the signal's reason
 */
export async function retryInRow(
  attempt: () => Promise<void>,
  options: { readonly policy: TransferPolicy; readonly signal: AbortSignal; readonly progress: () => number },
): Promise<void> {
  const { policy, signal, progress } = options;
  const startMs = performance.now();
  for (let numFailures = 1, inRow = 0; ; numFailures++) {
    const before = progress();
    try {
      signal.throwIfAborted();
      await attempt();
      return;
    } catch (thrown) {
      signal.throwIfAborted();
      if (!(thrown instanceof TransferError)) throw thrown;
      inRow = progress() > before ? 0 : inRow + 1;
      const leftMs = policy.totalMs - (performance.now() - startMs);
      if (inRow >= policy.tries || leftMs <= 0) {
        throw new TransferError(thrown.message, { cause: thrown, advice: thrown.advice, numFailures });
      }
      await wait(Math.min(delayMs(policy, inRow), leftMs), signal);
    }
  }
}

/** The wait after so many failures in a row, with its random part. */
function delayMs({ firstDelayMs, maxDelayMs }: TransferPolicy, inRow: number): number {
  return Math.min(firstDelayMs * 2 ** Math.max(0, inRow - 1) * (1 + Math.random()), maxDelayMs);
}

/** Timers that browsers have, too. @throws the signal's reason */
function wait(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const end = () => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", end);
      resolve();
    }, ms);
    signal.addEventListener("abort", end, { once: true });
  });
}
