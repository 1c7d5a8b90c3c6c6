import type { Manifest } from "../../shards/index.ts";
import { hashConfig } from "../../storage/canonical-json.ts";
import { listsExactly } from "./lists-units.ts";
import type { PinnedRun } from "./pinned-run.ts";
import { firstTestId, planUnits, type SetSize } from "./units.ts";

/**
 * What the run of a published manifest has pinned, up to the size that the manifest lists. The manifest holds all of it:
 * the configuration, and by the ids of its shards the sizes.
 * @returns undefined if it does not follow without doubt: the manifest is one that no run of this release writes
 */
export function pinnedOfManifest(manifest: Manifest): PinnedRun | undefined {
  const { config, configHash } = manifest;
  // Of a set that cannot grow, imported or begun by 0.1.0, the size is part of the identity.
  if (hashConfig(config) === configHash) return { identity: config, sizes: undefined };
  const { count, testCount, ...identity } = config;
  const { unitSize } = identity;
  if (hashConfig(identity) !== configHash || typeof unitSize !== "number") return undefined;
  const sizes = sizesOfManifest(manifest);
  const newest = sizes.at(-1)!;
  const isNewest = newest.count === count && newest.testCount === testCount;
  return isNewest && listsExactly(manifest, planUnits(sizes, unitSize)) ? { identity, sizes } : undefined;
}

/** The sizes that a growing set has had, oldest first, by the end of the last shard of each split. */
export function sizesOfManifest({
  splits: { train, test },
  growth = [],
}: Pick<Manifest, "splits" | "growth">): SetSize[] {
  return [...growth, { train: train.shards.length, test: test.shards.length }].map((numShards) => ({
    count: train.shards[numShards.train - 1]?.idEnd ?? 0,
    testCount: (test.shards[numShards.test - 1]?.idEnd ?? firstTestId) - firstTestId,
  }));
}

/** Whether the sizes of a run begin with others. */
export function beginWith(sizes: readonly SetSize[], first: readonly SetSize[]): boolean {
  return first.every(
    ({ count, testCount }, index) => sizes[index]?.count === count && sizes[index].testCount === testCount,
  );
}
