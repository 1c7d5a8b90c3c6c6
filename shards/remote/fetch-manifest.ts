import pRetry from "p-retry";
import { Cifar5mError, hasCode } from "../../core/errors.ts";
import { type FlagsDescription, flagsName, missingFlags, parseFlags } from "../format/flags.ts";
import { type Manifest, manifestName, parseManifestText } from "../format/manifest.ts";
import { abortStalled } from "./abort-stalled.ts";
import { ContentError, type ObjectStore, TransferError } from "./object-store.ts";
import { tooSlow, unreachable } from "./transfer-failure.ts";
import type { TransferPolicy } from "./transfer-options.ts";

/** Size limit of a manifest. A shard takes 250 bytes in it. */
const maxManifestBytes = 2 ** 28;

/** A small JSON file of a data set. */
interface Description<Value> {
  readonly name: string;
  /** What the file is, for errors. */
  readonly what: string;
  /** What to do if the server sends something else. */
  readonly advice: string;
  readonly parse: (text: string, url: string) => Value;
  /** The error for a server that does not have the file. */
  readonly missing: (url: string, cause: Cifar5mError) => Cifar5mError;
}

/**
 * Fetches the manifest of a data set and checks it.
 * @throws Cifar5mError `store/…`, `manifest/…`, `json/corrupt`; the signal's reason
 */
export async function fetchManifest(
  store: ObjectStore,
  policy: TransferPolicy,
  signal: AbortSignal | undefined,
): Promise<Manifest> {
  return await fetchDescription(store, policy, signal, {
    name: manifestName,
    what: "the manifest of a data set",
    advice: "Give the address of the folder that holds manifest.json.",
    parse: parseManifestText,
    missing: (url, cause) => {
      const hint = "Give the address of the folder that holds manifest.json: of `cifar5m serve` it ends in /dataset.";
      return new Cifar5mError(cause.code, `${url} must exist, and does not. ${hint}`, { cause });
    },
  });
}

/**
 * Fetches the description of a data set's flags and checks it.
 * @throws Cifar5mError `flags/…`, `store/…`, `json/corrupt`; the signal's reason
 */
export async function fetchFlags(
  store: ObjectStore,
  manifest: Manifest,
  policy: TransferPolicy,
  signal: AbortSignal | undefined,
): Promise<FlagsDescription> {
  return await fetchDescription(store, policy, signal, {
    name: flagsName,
    what: "the description of a data set's flags",
    advice: "Publish the data set there again.",
    parse: (text, url) => parseFlags(text, manifest, url),
    missing: () => missingFlags(store.location),
  });
}

async function fetchDescription<Value>(
  store: ObjectStore,
  policy: TransferPolicy,
  signal: AbortSignal | undefined,
  description: Description<Value>,
): Promise<Value> {
  const url = store.urlOf(description.name);
  const deadline = AbortSignal.timeout(policy.totalMs);
  const ends = signal === undefined ? deadline : AbortSignal.any([signal, deadline]);
  let numTries = 0;
  const receive = () => {
    numTries++;
    return receiveDescription(store, policy, ends, description);
  };
  try {
    return await pRetry(receive, {
      signal: ends,
      retries: policy.tries - 1,
      minTimeout: policy.firstDelayMs,
      maxTimeout: policy.maxDelayMs,
      randomize: true,
      // Damage in transit is rare, but a second request is cheap.
      shouldRetry: ({ error, retriesConsumed }) =>
        error instanceof TransferError || (hasCode(error, "json/corrupt") && retriesConsumed === 0),
    });
  } catch (thrown) {
    signal?.throwIfAborted();
    if (deadline.aborted) throw tooSlow(url, policy, thrown);
    if (thrown instanceof ContentError) {
      throw new Cifar5mError(
        "store/wrong-content",
        `${url} must be ${description.what}, but it is ${thrown.message}. ${description.advice}`,
      );
    }
    if (hasCode(thrown, "store/not-found")) {
      throw description.missing(url, thrown);
    }
    throw thrown instanceof TransferError ? unreachable(url, `failed ${numTries} times`, thrown) : thrown;
  }
}

async function receiveDescription<Value>(
  store: ObjectStore,
  policy: TransferPolicy,
  signal: AbortSignal,
  { name, parse }: Description<Value>,
): Promise<Value> {
  return await abortStalled(policy.stallMs, signal, async (ends, onBytes) => {
    const reply = await store.get(name, { start: 0, end: undefined, version: undefined, signal: ends });
    const chunks: Uint8Array[] = [];
    let bytes = 0;
    for await (const chunk of reply.body) {
      onBytes();
      chunks.push(chunk);
      bytes += chunk.byteLength;
      if (bytes > maxManifestBytes) throw new ContentError(`more than ${maxManifestBytes} bytes`);
    }
    // In a browser, of another origin's response that was compressed, the length is seen and the encoding is not. More bytes
    // than announced are no damage then; the checksum tells.
    if (reply.totalBytes !== undefined && bytes < reply.totalBytes) {
      throw new TransferError(`an end of the connection at byte ${bytes} of ${reply.totalBytes}`);
    }
    const whole = new Uint8Array(await new Blob(chunks as Uint8Array<ArrayBuffer>[]).arrayBuffer());
    // A byte order mark is kept, so the parser refuses it: `writeManifest` writes none.
    const text = new TextDecoder("utf-8", { ignoreBOM: true }).decode(whole);
    if (/^\s*</.test(text)) throw new ContentError(`an HTML or XML page of ${bytes} bytes`);
    return parse(text, store.urlOf(name));
  });
}
