import type { Manifest } from "../format/manifest.ts";
import type { OpenOptions } from "../open-options.ts";
import type { ShardSource } from "../rows/shard-source.ts";
import { fetchManifest } from "./fetch-manifest.ts";
import { openStore } from "./open-store.ts";
import { RemoteSource } from "./remote-source.ts";
import { ShardCache } from "./shard-cache.ts";
import { resolveTransfer } from "./transfer-options.ts";

/**
 * Opens a data set on a server. The manifest is fetched and checked now, each shard when it is needed.
 * @throws Cifar5mError `store/…`, `manifest/…`, `json/corrupt`, `disk/…`
 */
export async function openRemote(
  url: string,
  options: OpenOptions,
): Promise<{ readonly source: ShardSource; readonly manifest: Manifest }> {
  const policy = resolveTransfer(options.transfer);
  const cache = new ShardCache(options.cache);
  const store = await openStore(url, options);
  const manifest = await fetchManifest(store, policy, options.signal);
  await cache.removeLeftovers();
  return { source: new RemoteSource({ store, cache, policy, signal: options.signal }), manifest };
}
