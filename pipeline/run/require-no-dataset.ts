import { Cifar5mError } from "../../core/errors.ts";
import { manifestName } from "../../shards/format/manifest.ts";
import { joinPath } from "../../storage/join-path.ts";
import { fileExists } from "../../storage/read-file.ts";
import type { RunFolder } from "./run-folder.ts";

/**
 * Refuses to make a run out of the folder of a data set, which is taken for that of its run easily.
 * @throws Cifar5mError `run/is-dataset`, `disk/…`
 */
export async function requireNoDataset({ root }: RunFolder): Promise<void> {
  if (!(await fileExists(joinPath(root, manifestName)))) return;
  throw new Cifar5mError(
    "run/is-dataset",
    `${root} must be a run folder, and is that of a data set: it has a ${manifestName}. ` +
      "Name the run that the data set is in, the folder above, or a new folder.",
  );
}
