import pRetry from "p-retry";
import { TransferError } from "./object-store.ts";
import { unreachable } from "./transfer-failure.ts";
import { resolveTransfer } from "./transfer-options.ts";

/**
 * Sends a request, and repeats it after an error that may not occur again.
 * @param url - what is requested, for errors
 * @throws Cifar5mError `store/unreachable`; what `attempt` throws; the signal's reason
 */
export async function retryRequest<Value>(
  url: string,
  signal: AbortSignal | undefined,
  attempt: () => Promise<Value>,
): Promise<Value> {
  const policy = resolveTransfer();
  try {
    return await pRetry(attempt, {
      ...(signal === undefined ? {} : { signal }),
      retries: policy.tries - 1,
      minTimeout: policy.firstDelayMs,
      maxTimeout: policy.maxDelayMs,
      maxRetryTime: policy.totalMs,
      randomize: true,
      shouldRetry: ({ error }) => error instanceof TransferError,
    });
  } catch (thrown) {
    signal?.throwIfAborted();
    if (!(thrown instanceof TransferError)) throw thrown;
    throw unreachable(url, `failed ${policy.tries} times`, thrown);
  }
}
