import { cifar10ClassNames } from "../../core/image-layout.ts";
import { programVersion } from "../../core/program-version.ts";
import {
  describeGrowth,
  describeSplit,
  parseManifestText,
  type SplitName,
  type SplitShards,
} from "../../shards/format/manifest.ts";
import { readManifestIfAny, sealManifest } from "../../shards/format/manifest-file.ts";
import { readShard } from "../../shards/format/read-shard.ts";
import type { Manifest } from "../../shards/index.ts";
import { canonicalJson } from "../../storage/canonical-json.ts";
import type { LockWatcher } from "../../storage/lock-holder.ts";
import { updateFile } from "../../storage/update-file.ts";
import { listsUnits } from "../run/lists-units.ts";
import { mapFiles } from "../run/map-files.ts";
import { readPublishedSize } from "../run/published-size.ts";
import { requireKnownUnits } from "../run/require-known-units.ts";
import type { Run } from "../run/run.ts";
import { readUnitFile } from "../run/unit-files.ts";
import { type Unit, unitRows } from "../run/units.ts";
import { countLabels, openKeptRows, surplusReason } from "./kept-rows.ts";
import { parseRemovals } from "./removals.ts";
import { readShardEntry } from "./shard-entry.ts";

/**
 * Writes the manifest, the last step of a build, from the receipts of all units.
 * @param context - the signal that ends the wait for other workers, and who is told of it
 * @param openSummary - returns what counts, for a unit, what its receipt does not hold
 * @throws Cifar5mError `receipt/missing` while a unit is not published; `unit/config-changed`; `run/growth-lost`; `disk/…`;
 *   the signal's reason
 */
export async function publishManifest(
  run: Run,
  models: Readonly<Record<string, string>>,
  { signal, tell }: LockWatcher,
  openSummary: (run: Run) => (unit: Unit) => Promise<UnitSummary> = summaryOfUnits,
): Promise<Manifest> {
  const published = await readManifestIfAny(run.folder.dataset);
  if (listsRun(published, run, models)) return published;
  await requireKnownUnits(run);
  // The counts of a size that is published are known, so what it was made from may have been deleted.
  const size = await readPublishedSize(run);
  const earlier = size?.isNewest === false ? size : undefined;
  const removals: Record<string, number> = { ...earlier?.manifest.removals };
  const known = new Set(earlier?.units.map(({ name }) => name));
  const summarize = openSummary(run);
  const added = run.units.filter(({ name }) => !known.has(name));
  const parts = await mapFiles(added, async (unit) => {
    const entry = await readShardEntry(run, "publish", unit, models);
    const { reasons, classCounts } = await summarize(unit);
    for (const reason of reasons) removals[reason] = (removals[reason] ?? 0) + 1;
    return { unit, entry, classCounts };
  });
  const splitOf = (split: SplitName) => {
    const ofSplit = parts.filter(({ unit }) => unit.split === split);
    const before = earlier?.manifest.splits[split];
    const classCounts = cifar10ClassNames.map((_, label) =>
      ofSplit.reduce((sum, part) => sum + part.classCounts[label]!, before?.classCounts[label] ?? 0),
    );
    return describeSplit([...(before?.shards ?? []), ...ofSplit.map(({ entry }) => entry)], classCounts);
  };
  const splits = { train: splitOf("train"), test: splitOf("test") };
  const path = run.folder.manifest;
  const made = sealManifest(path, {
    name: "cifar5m",
    classNames: [...cifar10ClassNames],
    imageShape: [32, 32, 3],
    splits,
    ...growthOf(run, splits),
    configHash: run.hash,
    config: JSON.parse(canonicalJson(configOf(run))),
    models: { ...models },
    removals,
    createdBy: programVersion,
  });
  let inForce = made.manifest;
  await updateFile(path, {
    lockPath: run.folder.manifestLock,
    signal,
    tell,
    change: (text) => {
      // Another worker may have let the set grow and published it while this one read the units.
      const present = text === undefined ? undefined : parseManifestText(text, path);
      if (!listsRun(present, run, models)) return made.text;
      inForce = present;
      return undefined;
    },
  });
  return inForce;
}

/** The resolved configuration, as the manifest holds it. */
function configOf({ identity, config: { count, testCount } }: Run): object {
  return { ...identity, count, testCount };
}

/** The earlier sizes of a set that has grown. */
function growthOf({ sizes, units }: Run, splits: SplitShards): Pick<Manifest, "growth"> {
  const numShards = sizes.slice(0, -1).map((_, sizeIndex) => {
    const countUnits = (split: SplitName) =>
      units.filter((unit) => unit.split === split && unit.sizeIndex <= sizeIndex).length;
    return { train: countUnits("train"), test: countUnits("test") };
  });
  return numShards.length === 0 ? {} : { growth: describeGrowth(splits, numShards) };
}

/** The part of a unit's summary that its receipt does not hold. */
export interface UnitSummary {
  /** The reason of each removal. */
  readonly reasons: readonly string[];
  /** Number of kept rows by label: shape [10]. */
  readonly classCounts: readonly number[];
}

/** Counts from the files of the stages before publish. */
function summaryOfUnits(run: Run): (unit: Unit) => Promise<UnitSummary> {
  const keptRows = openKeptRows(run);
  return async (unit) => {
    const { rows, numSurplus, removals, probabilities } = await keptRows(unit);
    return {
      reasons: [...removals.map(({ reason }) => reason), ...surplusOf(numSurplus)],
      classCounts: countLabels(probabilities, rows),
    };
  };
}

/** Counts from the shards, so that all other files may be missing, except for the removals of units that lost rows. */
export function summaryOfShards(run: Run): (unit: Unit) => Promise<UnitSummary> {
  return async (unit) => {
    const { rows, columns } = await readShard(run.folder.shard(unit));
    const classCounts = cifar10ClassNames.map((_, label) => columns.label.filter((found) => found === label).length);
    if (rows === unitRows(unit)) return { reasons: [], classCounts };
    const path = run.folder.removals(unit);
    const removals = parseRemovals(await readUnitFile(run, "dedup", unit, path), path);
    const reasons = removals.map(({ reason }) => reason);
    return { reasons: [...reasons, ...surplusOf(unitRows(unit) - rows - reasons.length)], classCounts };
  };
}

function surplusOf(count: number): string[] {
  return new Array<string>(count).fill(surplusReason);
}

/**
 * Whether a published manifest belongs to this run and has all its units. The manifest is written last, so all units are
 * done then. It may have more: another worker let the set grow meanwhile.
 */
function listsRun(
  manifest: Manifest | undefined,
  run: Run,
  models: Readonly<Record<string, string>>,
): manifest is Manifest {
  const isOurs = manifest?.configHash === run.hash && canonicalJson(manifest.models) === canonicalJson(models);
  return isOurs && listsUnits(manifest, run.units);
}
