import { parseLocation } from "../storage/parse-location.ts";
import type { OpenOptions } from "./open-options.ts";
import { folderSource } from "./rows/folder-source.ts";
import type { ShardSource } from "./rows/shard-source.ts";

/**
 * The shards of a data set whose manifest is known. Reads nothing yet.
 * @param location - as `openDataset` takes it
 * @throws Cifar5mError `store/…`
 */
export async function openShardSource(location: string, options: OpenOptions): Promise<ShardSource> {
  const parsed = parseLocation(location);
  if (parsed.kind === "folder") return folderSource(parsed.directory);
  const { openRemoteSource } = await import("./remote/open-remote.ts");
  return await openRemoteSource(parsed.url, options);
}
