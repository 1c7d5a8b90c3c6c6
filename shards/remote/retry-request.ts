import pRetry from "p-retry";
import { TransferError } from "./object-store.ts";
import { unreachable } from "./transfer-failure.ts";
import { resolveTransfer, type TransferPolicy } from "./transfer-options.ts";

/**
 * Sends a request, and repeats it after an error that may not occur again. A request that has succeeded counts, even if
 * the signal comes meanwhile.
 * @param url - what is requested, for errors
 * @param options.signal - ends the wait for the next attempt
 * @throws Cifar5mError `store/unreachable`; what `attempt` throws; the signal's reason
 */
export async function retryRequest<Value>(
  url: string,
  options: { readonly signal?: AbortSignal | undefined; readonly policy?: TransferPolicy },
  attempt: () => Promise<Value>,
): Promise<Value> {
  const { signal, policy = resolveTransfer() } = options;
  const startMs = performance.now();
  let numTries = 0;
  let reply: { readonly value: Value } | undefined;
  const send = async () => {
    numTries++;
    reply = { value: await attempt() };
    return reply.value;
  };
  try {
    return await pRetry(send, {
      ...(signal === undefined ? {} : { signal }),
      retries: policy.tries - 1,
      minTimeout: policy.firstDelayMs,
      maxTimeout: policy.maxDelayMs,
      maxRetryTime: policy.totalMs,
      randomize: true,
      shouldRetry: ({ error }) => error instanceof TransferError,
    });
  } catch (thrown) {
    if (reply !== undefined) return reply.value;
    signal?.throwIfAborted();
    if (!(thrown instanceof TransferError)) throw thrown;
    const seconds = Math.round((performance.now() - startMs) / 1000);
    throw unreachable(url, `failed ${numTries} times in ${seconds} s`, thrown);
  }
}
