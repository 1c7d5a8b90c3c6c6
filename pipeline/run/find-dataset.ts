import { realpath } from "node:fs/promises";
import { readManifest, readManifestIfAny } from "../../shards/format/manifest-file.ts";
import type { Manifest } from "../../shards/index.ts";
import { objectsAt } from "../../storage/object-files.ts";
import { runFolderAt } from "./run-folder.ts";

/** A published data set on the disk. */
export interface PublishedDataset {
  /** Its folder: absolute, without links; or where it is in a bucket. */
  readonly directory: string;
  readonly manifest: Manifest;
}

/**
 * Finds the data set of a folder.
 * @param folder - a run folder, or a data set folder, which holds the manifest itself
 * @throws Cifar5mError `manifest/missing` if neither has one; `manifest/…`, `json/corrupt`, `disk/…`
 */
export async function findDataset(folder: string): Promise<PublishedDataset> {
  const bare = await readManifestIfAny(folder);
  if (bare !== undefined) return { directory: await realPath(folder), manifest: bare };
  const { dataset } = runFolderAt(folder);
  const manifest = await readManifest(dataset);
  return { directory: await realPath(dataset), manifest };
}

async function realPath(directory: string): Promise<string> {
  return objectsAt(directory) === undefined ? await realpath(directory) : directory;
}
