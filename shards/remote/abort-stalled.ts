import { TransferError } from "./object-store.ts";

/**
 * Makes a request, and aborts it when no bytes have come for so long.
 * @param request - gets a signal that ends it, and a function to call when bytes have come
 * @throws TransferError if no bytes come; the signal's reason; what `request` throws
 */
export async function abortStalled<Result>(
  stallMs: number,
  signal: AbortSignal,
  request: (signal: AbortSignal, onBytes: () => void) => Promise<Result>,
): Promise<Result> {
  const stop = new AbortController();
  const stall = () => stop.abort(new TransferError(`no bytes for ${stallMs} ms`));
  let timer = setTimeout(stall, stallMs);
  const restart = () => {
    // Browsers' timers cannot be refreshed as Node's can.
    clearTimeout(timer);
    timer = setTimeout(stall, stallMs);
  };
  try {
    return await request(AbortSignal.any([signal, stop.signal]), restart);
  } catch (thrown) {
    signal.throwIfAborted();
    stop.signal.throwIfAborted();
    stop.abort(thrown);
    throw thrown;
  } finally {
    clearTimeout(timer);
  }
}
