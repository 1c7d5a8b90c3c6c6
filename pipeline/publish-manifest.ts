import pLimit from "p-limit";
import { cifar10ClassNames } from "../core/image-layout.ts";
import {
  canonicalJson,
  type Manifest,
  type Receipt,
  readReceipt,
  requireSameOrigin,
  type ShardEntry,
  writeManifest,
} from "../shards/index.ts";
import { createdBy } from "./created-by.ts";
import { countLabels } from "./publish.ts";
import { readManifestIfAny } from "./read-manifest.ts";
import { readRemovals } from "./removals.ts";
import { datasetIdentity, type Run } from "./run.ts";
import type { RunFolder } from "./run-folder.ts";
import { type Split, type Unit, unitName } from "./units.ts";

/** Units read at once. */
const numReaders = 4;

/**
 * Writes the manifest, the last step of a build, from the receipts of all units.
 * @throws BuilderError `receipt/missing` while a unit is not published; `unit/config-changed`; `disk/…`
 */
export async function publishManifest(run: Run, models: Readonly<Record<string, string>>): Promise<Manifest> {
  const published = await readPublished(run, models);
  if (published !== undefined) return published;
  const removals: Record<string, number> = {};
  const limit = pLimit(numReaders);
  const parts = await limit.map([...run.units], async (unit) => {
    for (const { reason } of await readRemovals(run.folder.removals(unit)))
      removals[reason] = (removals[reason] ?? 0) + 1;
    return { unit, entry: await shardEntry(run, unit, models), classCounts: await countLabels(run, unit) };
  });
  const splitOf = (split: Split) => {
    const ofSplit = parts.filter(({ unit }) => unit.split === split);
    return {
      rows: ofSplit.reduce((sum, { entry }) => sum + entry.rows, 0),
      shards: ofSplit.map(({ entry }) => entry),
      classCounts: cifar10ClassNames.map((_, label) =>
        ofSplit.reduce((sum, part) => sum + part.classCounts[label]!, 0),
      ),
    };
  };
  const { manifest } = await writeManifest(run.folder.dataset, {
    name: "cifar5m",
    classNames: [...cifar10ClassNames],
    imageShape: [32, 32, 3],
    splits: { train: splitOf("train"), test: splitOf("test") },
    configHash: run.hash,
    config: JSON.parse(canonicalJson(datasetIdentity(run.config))),
    models: { ...models },
    removals,
    createdBy,
  });
  return manifest;
}

/** The manifest that is there, if it is of this run; it is written last, so then all is done. */
async function readPublished(run: Run, models: Readonly<Record<string, string>>): Promise<Manifest | undefined> {
  const manifest = await readManifestIfAny(run.folder.dataset);
  const isOurs = manifest?.configHash === run.hash && canonicalJson(manifest.models) === canonicalJson(models);
  return isOurs ? manifest : undefined;
}

async function shardEntry(run: Run, unit: Unit, models: Readonly<Record<string, string>>): Promise<ShardEntry> {
  const path = run.folder.receipt("publish", unitName(unit));
  const receipt = await readReceipt(path);
  requireSameOrigin(path, receipt, { configHash: run.hash, models });
  return toShardEntry(run.folder, unit, receipt);
}

/** A unit's shard, as the manifest lists it. */
export function toShardEntry(folder: RunFolder, unit: Unit, receipt: Receipt): ShardEntry {
  const { rows, bytes, sha256, idStart, idEnd } = receipt;
  return {
    file: folder
      .shard(unit)
      .slice(folder.dataset.length + 1)
      .replaceAll("\\", "/"),
    rows,
    bytes,
    sha256,
    idStart,
    idEnd,
  };
}
