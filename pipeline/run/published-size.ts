import { readManifestIfAny } from "../../shards/format/manifest-file.ts";
import type { Manifest } from "../../shards/index.ts";
import { listsExactly } from "./lists-units.ts";
import { type Run, runAtSize } from "./run.ts";
import type { Unit } from "./units.ts";

/** A size of a run's set that is published. */
export interface PublishedSize {
  readonly manifest: Manifest;
  /** Its units, in the order of the manifest. */
  readonly units: readonly Unit[];
  /** Whether the set is to have this size, and not to grow any more. */
  readonly isNewest: boolean;
}

/**
 * The size of a run's set that its manifest lists; undefined if it lists none.
 * @throws Cifar5mError `manifest/…`, `json/corrupt`, `disk/…`
 */
export async function readPublishedSize(run: Run): Promise<PublishedSize | undefined> {
  const manifest = await readManifestIfAny(run.folder.dataset);
  if (manifest?.configHash !== run.hash) return undefined;
  const numSizes = publishedSizeOf(run, manifest);
  if (numSizes === undefined) return undefined;
  return { manifest, units: runAtSize(run, numSizes).units, isNewest: numSizes === run.sizes.length };
}

/** Which of the sizes of a run a manifest lists, counted from 1; undefined if none. */
export function publishedSizeOf(run: Pick<Run, "sizes" | "units">, manifest: Manifest): number | undefined {
  const numSizes = 1 + (manifest.growth?.length ?? 0);
  if (numSizes > run.sizes.length) return undefined;
  const units = run.units.filter(({ sizeIndex }) => sizeIndex < numSizes);
  const isHistory = (manifest.growth ?? []).every((earlier, index) =>
    (["train", "test"] as const).every(
      (name) => units.filter(({ split, sizeIndex }) => split === name && sizeIndex <= index).length === earlier[name],
    ),
  );
  return isHistory && listsExactly(manifest, units) ? numSizes : undefined;
}
