import type { Manifest } from "../format/manifest.ts";
import type { OpenOptions } from "../open-options.ts";
import { fetchManifest } from "./fetch-manifest.ts";
import { openStore } from "./open-store.ts";
import { RemoteSource } from "./remote-source.ts";
import { ShardCache } from "./shard-cache.ts";
import { resolveTransfer } from "./transfer-options.ts";

/**
 * The shards of a data set on a server whose manifest is known. Sends no request.
 * @throws Cifar5mError `store/bad-location`, `store/bad-header`, `store/out-of-range`
 */
export async function openRemoteSource(url: string, options: OpenOptions): Promise<RemoteSource> {
  return new RemoteSource(await connect(url, options));
}

/**
 * Opens a data set on a server. The manifest is fetched and checked now, each shard when it is needed.
 * @throws Cifar5mError `store/…`, `manifest/…`, `json/corrupt`, `disk/…`
 */
export async function openRemote(
  url: string,
  options: OpenOptions,
): Promise<{ readonly source: RemoteSource; readonly manifest: Manifest }> {
  const connection = await connect(url, options);
  const { store, cache, policy, signal } = connection;
  const manifest = await fetchManifest(store, policy, signal);
  await cache.removeLeftovers();
  return { source: new RemoteSource(connection), manifest };
}

async function connect(url: string, options: OpenOptions) {
  const policy = resolveTransfer(options.transfer);
  const cache = new ShardCache(options.cache);
  return { store: await openStore(url, options), cache, policy, signal: options.signal };
}
