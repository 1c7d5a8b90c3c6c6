import pRetry from "p-retry";
import { TransferError } from "../remote/object-store.ts";
import { unreachable } from "../remote/transfer-failure.ts";
import { resolveTransfer } from "../remote/transfer-options.ts";
import type { UploadTarget } from "./upload-target.ts";

/**
 * Sends a request to a target, and repeats it after an error that may not occur again.
 * @param name - name of the file, for errors
 * @throws Cifar5mError `store/unreachable`; what `attempt` throws; the signal's reason
 */
export async function retryUpload<Value>(
  target: UploadTarget,
  name: string,
  signal: AbortSignal,
  attempt: () => Promise<Value>,
): Promise<Value> {
  const policy = resolveTransfer();
  try {
    return await pRetry(attempt, {
      signal,
      retries: policy.tries - 1,
      minTimeout: policy.firstDelayMs,
      maxTimeout: policy.maxDelayMs,
      maxRetryTime: policy.totalMs,
      randomize: true,
      shouldRetry: ({ error }) => error instanceof TransferError,
    });
  } catch (thrown) {
    signal.throwIfAborted();
    if (!(thrown instanceof TransferError)) throw thrown;
    throw unreachable(target.urlOf(name), `failed ${policy.tries} times`, thrown);
  }
}
