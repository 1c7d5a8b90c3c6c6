import { realpath } from "node:fs/promises";
import { Cifar5mError } from "../../core/errors.ts";
import { manifestName } from "../../shards/format/manifest.ts";
import { readManifestIfAny } from "../../shards/format/manifest-file.ts";
import type { Manifest } from "../../shards/index.ts";
import { objectsAt } from "../../storage/object-files.ts";
import { fileExists } from "../../storage/read-file.ts";
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
  const manifest = await readManifestIfAny(dataset);
  if (manifest === undefined) throw await noDataset(folder);
  return { directory: await realPath(dataset), manifest };
}

async function noDataset(folder: string): Promise<Cifar5mError> {
  const isRun = await fileExists(runFolderAt(folder).config);
  return new Cifar5mError(
    "manifest/missing",
    isRun
      ? `${folder} is a run whose data set is not published yet. Publish it with \`cifar5m build\`, which makes what is ` +
          "missing, or with `cifar5m publish` if nothing is; an imported set with `cifar5m import`."
      : `${folder} must be a data set folder, with a ${manifestName}, or a run with a published data set, and is neither. ` +
          "Check the path, or begin a run with `cifar5m build`.",
  );
}

async function realPath(directory: string): Promise<string> {
  return objectsAt(directory) === undefined ? await realpath(directory) : directory;
}
