import pLimit from "p-limit";
import { hasCode } from "../../core/errors.ts";
import { manifestName } from "../../shards/format/manifest.ts";
import { readFileFactsIfAny } from "../../storage/file-facts.ts";
import { joinPath } from "../../storage/join-path.ts";
import { datasetFolders, findDataset, type PublishedDataset } from "../run/find-dataset.ts";

/**
 * Watches the data set of a folder: while it is served, a build may publish it, or let it grow.
 * @param folder - a run folder or a data set folder
 * @param options.mayBeMissing - whether the folder is that of a run, whose set may not be published yet
 * @param options.report - receives the error if a set that was found cannot be read any more; it is then kept as it was
 * @returns looks for the set; the result is the same object until the manifest says something else, and undefined as
 * long as a run has published nothing. Throws as `findDataset` until a set was found
 */
export function watchDataset(
  folder: string,
  options: { readonly mayBeMissing: boolean; readonly report: (thrown: unknown) => void },
): () => Promise<PublishedDataset | undefined> {
  let found: PublishedDataset | undefined;
  let seen: string | undefined;
  const look = async () => {
    try {
      // The stamp comes first: if the manifest is replaced between the two, the next look reads it again.
      const stamp = await manifestStamp(folder);
      if (stamp === seen) return found;
      const dataset = await findPublished(folder, options);
      // A copy or a backup may give a file another time without changing it.
      if (JSON.stringify(dataset) !== JSON.stringify(found)) found = dataset;
      seen = stamp;
    } catch (thrown) {
      if (found === undefined) throw thrown;
      options.report(thrown);
    }
    return found;
  };
  // In turn, so that an older manifest does not replace a newer one.
  const turn = pLimit(1);
  return () => turn(look);
}

/** Size and time of the manifest that `findDataset` would read; empty if there is none. @throws Cifar5mError `disk/…` */
async function manifestStamp(folder: string): Promise<string> {
  for (const directory of datasetFolders(folder)) {
    const path = joinPath(directory, manifestName);
    const facts = await readFileFactsIfAny(path);
    if (facts !== undefined) return `${path} ${facts.bytes} ${facts.modifiedMs}`;
  }
  return "";
}

/** @returns undefined for a run whose set is not published yet @throws Cifar5mError as `findDataset` */
async function findPublished(
  folder: string,
  { mayBeMissing }: { readonly mayBeMissing: boolean },
): Promise<PublishedDataset | undefined> {
  try {
    return await findDataset(folder);
  } catch (thrown) {
    if (mayBeMissing && hasCode(thrown, "manifest/missing")) return undefined;
    throw thrown;
  }
}
