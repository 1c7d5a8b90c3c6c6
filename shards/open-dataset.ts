import { requireKeys } from "../core/require-keys.ts";
import { parseLocation } from "../storage/parse-location.ts";
import { Dataset } from "./dataset.ts";
import { readManifest } from "./format/manifest-file.ts";
import { batchWorkersOf } from "./loader/batch-workers.ts";
import { type OpenOptions, openOptionKeys } from "./open-options.ts";
import { folderSource } from "./rows/folder-source.ts";

/**
 * Opens one split of a published data set. The call reads only the manifest; shards are opened, or fetched, when they
 * are needed. It does not check the hashes of local shards (`verifyDataset` does), but it checks those of fetched
 * shards.
 * @param location - the folder that holds manifest.json: a path, `file://`, `https://`, `http://` or
 *   `s3://bucket/prefix`
 * @throws Cifar5mError `options/unknown-key`, `manifest/…`, `json/corrupt`, `dataset/unknown-split`,
 *   `dataset/out-of-range`, `disk/…`; `store/…`
 */
export async function openDataset(location: string | URL, options: OpenOptions = {}): Promise<Dataset> {
  requireKeys("openDataset's options", options, openOptionKeys);
  const parsed = parseLocation(location);
  if (parsed.kind === "folder") {
    const { directory } = parsed;
    return new Dataset(folderSource(directory), await readManifest(directory), options, batchWorkersOf(directory));
  }
  const { openRemote } = await import("./remote/open-remote.ts");
  const { source, manifest } = await openRemote(parsed.url, options);
  return new Dataset(source, manifest, options, batchWorkersOf(parsed.url));
}
