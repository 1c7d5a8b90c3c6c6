import type { Manifest } from "../../shards/index.ts";
import type { Unit } from "./units.ts";

/** Whether a manifest lists these units and no others. */
export function listsExactly(manifest: Manifest, units: readonly Unit[]): boolean {
  const { train, test } = manifest.splits;
  return train.shards.length + test.shards.length === units.length && listsUnits(manifest, units);
}

/** Whether a manifest lists all these units, and perhaps further ones after those of each split. */
export function listsUnits({ splits }: Manifest, units: readonly Unit[]): boolean {
  return units.every(({ split, part, shardFile, idStart, idEnd }) => {
    const entry = splits[split].shards[part];
    return entry?.file === shardFile && entry.idStart === idStart && entry.idEnd === idEnd;
  });
}
