import { shortHash } from "../../core/format.ts";
import type { Manifest } from "../../shards/index.ts";
import { findWitness } from "./find-lost-run.ts";
import { listsExactly } from "./lists-units.ts";
import { beginWith, pinnedOfManifest } from "./pinned-of-manifest.ts";
import { publishedSizeOf } from "./published-size.ts";
import type { Run } from "./run.ts";

/**
 * Compares a published manifest with what its run has pinned.
 * @param run - one that was built, or without `sizes` one that was imported
 * @returns what is wrong and what to do, phrased to follow the path of the manifest; undefined if it lists the run, or an
 *   earlier size of it
 * @throws Cifar5mError `receipt/version-unsupported`, `disk/…`
 */
export async function describeMisfit(
  run: Pick<Run, "folder" | "hash" | "units"> & Partial<Pick<Run, "sizes">>,
  manifest: Manifest,
): Promise<string | undefined> {
  const { folder, hash, units, sizes } = run;
  const remake =
    sizes === undefined
      ? "move it away and import the same images again"
      : "move it away and run `cifar5m repair`, which makes it again";
  if (manifest.configHash !== hash) {
    const witness = await findWitness(folder);
    const what = `is of config ${shortHash(manifest.configHash)}, ${folder.config} of ${shortHash(hash)}`;
    return witness?.configHash === manifest.configHash
      ? `${what}. ${witness.path} agrees with the manifest. ${restoreBoth(run)}`
      : `${what}. Put the right manifest back from a copy, or ${remake}.`;
  }
  const isListed = sizes === undefined ? listsExactly(manifest, units) : publishedSizeOf({ sizes, units }, manifest);
  if (isListed) return undefined;
  const { train, test } = manifest.splits;
  const what = `lists ${train.shards.length + test.shards.length} shards, the run has ${units.length} units`;
  const published = pinnedOfManifest(manifest)?.sizes;
  if (published === undefined || sizes === undefined) {
    return `${what}, and they differ. Put the right manifest back from a copy, or ${remake}.`;
  }
  return beginWith(published, sizes)
    ? `${what}: ${folder.growth(sizes.length)} was lost. Run \`cifar5m repair\`, which restores it from the manifest.`
    : `${what}, and had other sizes. ${restoreBoth(run)}`;
}

function restoreBoth({ folder }: Pick<Run, "folder">): string {
  return (
    `Move ${folder.config} away, and growth/ beside it if there is one, and run \`cifar5m repair\`, which restores both ` +
    "from the manifest."
  );
}
