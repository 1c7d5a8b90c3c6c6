import { Cifar5mError } from "../../core/errors.ts";
import { parseUrl } from "../../core/parse-url.ts";
import { requireKeys } from "../../core/require-keys.ts";
import { Dataset } from "../dataset.ts";
import { splitNames } from "../format/manifest.ts";
import type { OpenOptions } from "../open-options.ts";
import { fetchManifest } from "../remote/fetch-manifest.ts";
import { httpStore } from "../remote/http-store.ts";
import { RemoteSource } from "../remote/remote-source.ts";
import { resolveTransfer } from "../remote/transfer-options.ts";
import { BrowserShards } from "./browser-shards.ts";
import { openPrivateStorage } from "./shard-storage.ts";

/** How a data set is opened in a browser: as in Node, but for the cache and S3. */
export interface BrowserOpenOptions extends Omit<OpenOptions, "cache" | "s3"> {
  readonly cache?: {
    /**
     * Where fetched shards are kept when the page closes: in `private-files`, the Origin Private File System, where the
     * browser has it (the default); or nowhere, `none`.
     */
    readonly storage?: "private-files" | "none";
    /** Size limit of the page's storage, bytes; default 8 GiB. Beyond it the shards written longest ago are removed. */
    readonly maxBytes?: number;
    /** Bytes of shards held in memory while they are read; default 512 MiB. */
    readonly maxMemoryBytes?: number;
  };
}

/**
 * Opens one split of a data set on a web server. Shards are fetched when they are first needed, and checked by sha256.
 * @param location - URL of the folder that holds manifest.json; a relative URL is resolved against the page's
 * @throws Cifar5mError `store/…`, `manifest/…`, `json/corrupt`, `dataset/unknown-split`, `dataset/out-of-range`
 */
export async function openDataset(location: string | URL, options: BrowserOpenOptions = {}): Promise<Dataset> {
  const { cache = {}, ...others } = options;
  const { headers, signal } = others;
  requireKeys("openDataset's options", options, ["split", "memoryBytes", "cache", "transfer", "headers", "signal"]);
  requireKeys("cache", cache, ["storage", "maxBytes", "maxMemoryBytes"]);
  const { storage = "private-files", maxBytes = 8 * 2 ** 30, maxMemoryBytes = 2 ** 29 } = cache;
  for (const [name, value] of Object.entries({ maxBytes, maxMemoryBytes })) {
    if (!(value >= 0)) throw outOfRange(`cache.${name}`, "a number of bytes", value);
  }
  if (!["private-files", "none"].includes(storage)) throw outOfRange("cache.storage", "private-files or none", storage);
  const url = resolveUrl(location);
  const policy = resolveTransfer(options.transfer);
  const store = httpStore(url, { headers });
  const manifest = await fetchManifest(store, policy, signal);
  const entries = splitNames.flatMap((name) => manifest.splits[name].shards);
  const shards = new BrowserShards({
    maxBytes: maxMemoryBytes,
    largest: entries.reduce((largest, { bytes }) => Math.max(largest, bytes), 0),
    storage: storage === "none" ? undefined : await openPrivateStorage(maxBytes),
  });
  const source = new RemoteSource({ store, cache: shards, policy, signal });
  return new Dataset(source, manifest, others, undefined);
}

function resolveUrl(location: string | URL): string {
  const base = (globalThis as { readonly location?: { readonly href: string } }).location?.href;
  const url = String(location).trim() === "" ? undefined : parseUrl(location, base);
  if (url === undefined) {
    throw new Cifar5mError("store/bad-location", `a location must be a URL, got "${String(location)}". Correct it.`);
  }
  if (/^https?:$/.test(url.protocol)) return url.href;
  throw new Cifar5mError(
    "store/bad-location",
    `a location must begin with http:// or https:// in a browser, got ${url.protocol}. Serve the data set: npx cifar5m serve.`,
  );
}

function outOfRange(name: string, rule: string, value: unknown): Cifar5mError {
  return new Cifar5mError(
    "store/out-of-range",
    `${name} must be ${rule}, got ${String(value)}. Choose another value, or leave it out.`,
  );
}
