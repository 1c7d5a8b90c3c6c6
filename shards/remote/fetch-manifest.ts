import pRetry from "p-retry";
import { Cifar5mError } from "../../core/errors.ts";
import { StallTimer } from "../../core/stall-timer.ts";
import { type Manifest, manifestName, parseManifestText } from "../format/manifest.ts";
import { ContentError, type ObjectStore, TransferError } from "./object-store.ts";
import { tooSlow, unreachable } from "./remote-source.ts";
import type { TransferPolicy } from "./transfer-options.ts";

/** Size limit of a manifest. A shard takes 250 bytes in it. */
const maxManifestBytes = 2 ** 28;

/**
 * Fetches the manifest of a data set and checks it.
 * @throws Cifar5mError `store/…`, `manifest/…`, `json/corrupt`; the signal's reason
 */
export async function fetchManifest(
  store: ObjectStore,
  policy: TransferPolicy,
  signal: AbortSignal | undefined,
): Promise<Manifest> {
  const url = store.urlOf(manifestName);
  const deadline = AbortSignal.timeout(policy.totalMs);
  const ends = signal === undefined ? deadline : AbortSignal.any([signal, deadline]);
  try {
    return await pRetry(() => receiveManifest(store, policy, ends), {
      signal: ends,
      retries: policy.tries - 1,
      minTimeout: policy.firstDelayMs,
      maxTimeout: policy.maxDelayMs,
      randomize: true,
      // Damage in transit is rare, but a second request is cheap.
      shouldRetry: ({ error, retriesConsumed }) =>
        error instanceof TransferError ||
        (error instanceof Cifar5mError && error.code === "json/corrupt" && retriesConsumed === 0),
    });
  } catch (thrown) {
    signal?.throwIfAborted();
    if (deadline.aborted) throw tooSlow(url, policy, thrown);
    if (thrown instanceof ContentError) {
      throw new Cifar5mError(
        "store/wrong-content",
        `${url} must be the manifest of a data set, but it is ${thrown.message}. Give the address of the folder that holds manifest.json.`,
      );
    }
    if (thrown instanceof Cifar5mError && thrown.code === "store/not-found") {
      const hint = "Give the address of the folder that holds manifest.json: of `cifar5m serve` it ends in /dataset.";
      throw new Cifar5mError(thrown.code, `${url} must exist, and does not. ${hint}`, { cause: thrown });
    }
    throw thrown instanceof TransferError ? unreachable(url, `failed ${policy.tries} times`, thrown) : thrown;
  }
}

async function receiveManifest(store: ObjectStore, policy: TransferPolicy, signal: AbortSignal): Promise<Manifest> {
  const stop = new AbortController();
  const stall = () => stop.abort(new TransferError(`no bytes for ${policy.stallMs} ms`));
  const timer = new StallTimer(policy.stallMs, stall);
  try {
    const reply = await store.get(manifestName, {
      start: 0,
      end: undefined,
      version: undefined,
      signal: AbortSignal.any([signal, stop.signal]),
    });
    const chunks: Uint8Array[] = [];
    let bytes = 0;
    for await (const chunk of reply.body) {
      timer.refresh();
      chunks.push(chunk);
      bytes += chunk.byteLength;
      if (bytes > maxManifestBytes) throw new ContentError(`more than ${maxManifestBytes} bytes`);
    }
    if (reply.totalBytes !== undefined && bytes !== reply.totalBytes) {
      throw new TransferError(`an end of the connection at byte ${bytes} of ${reply.totalBytes}`);
    }
    const whole = new Uint8Array(await new Blob(chunks as Uint8Array<ArrayBuffer>[]).arrayBuffer());
    // A byte order mark is kept, so the parser refuses it: `writeManifest` writes none.
    const text = new TextDecoder("utf-8", { ignoreBOM: true }).decode(whole);
    if (/^\s*</.test(text)) throw new ContentError(`an HTML or XML page of ${bytes} bytes`);
    return parseManifestText(text, store.urlOf(manifestName));
  } catch (thrown) {
    stop.signal.throwIfAborted();
    stop.abort(thrown);
    throw thrown;
  } finally {
    timer.stop();
  }
}
