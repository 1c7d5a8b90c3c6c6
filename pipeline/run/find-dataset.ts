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

/** The folders that may hold the data set of a folder: the first one that has a manifest holds it. */
export function datasetFolders(folder: string): readonly [string, string] {
  return [folder, runFolderAt(folder).dataset];
}

/**
 * Finds the data set of a folder.
 * @param folder - a run folder, or a data set folder, which holds the manifest itself
 * @throws Cifar5mError `manifest/missing` if neither has one; `manifest/…`, `json/corrupt`, `disk/…`
 */
export async function findDataset(folder: string): Promise<PublishedDataset> {
  const [bare, dataset] = datasetFolders(folder);
  const found = await readManifestIfAny(bare);
  if (found !== undefined) return { directory: await realPath(bare), manifest: found };
  const manifest = await readManifest(dataset);
  return { directory: await realPath(dataset), manifest };
}

async function realPath(directory: string): Promise<string> {
  return objectsAt(directory) === undefined ? await realpath(directory) : directory;
}
