import { Cifar5mError } from "../../core/errors.ts";
import { toByteSource } from "../arrow/byte-source.ts";
import { readTableFrom } from "../arrow/read-table.ts";
import type { ShardEntry } from "../format/manifest.ts";
import { shardColumnsOf } from "../format/shard-schema.ts";
import type { VerifiedDataset } from "./open-for-verification.ts";
import type { DatasetProblem } from "./verify-shard.ts";

/** The ids of a shard lie in [first, last]. */
export interface IdRange {
  readonly entry: ShardEntry;
  readonly first: number;
  readonly last: number;
  /** Whether the shard is in the share of this process. */
  readonly isOurs: boolean;
}

/**
 * Ids that two shards share. Ids rise within a shard, so only shards with overlapping ranges are compared. A sound data
 * set has none, so their ids are read a second time instead of being kept.
 */
export async function findSharedIds(dataset: VerifiedDataset, ranges: readonly IdRange[]): Promise<DatasetProblem[]> {
  const problems: DatasetProblem[] = [];
  const sorted = [...ranges].sort((a, b) => a.first - b.first);
  for (const [index, first] of sorted.entries()) {
    for (let other = index + 1; other < sorted.length && sorted[other]!.first <= first.last; other++) {
      const second = sorted[other]!;
      if (!first.isOurs && !second.isOurs) continue;
      const known = new Set(await readIds(dataset, first.entry));
      const shared = (await readIds(dataset, second.entry)).find((id) => known.has(id));
      if (shared === undefined) continue;
      const { file } = second.entry;
      const message = `${file} must share no id with ${first.entry.file}, both hold ${shared}. Publish again.`;
      problems.push({ file, code: "dataset/id-twice", message });
    }
  }
  return problems;
}

/** The ids of a shard; none if it cannot be read, which is a problem of its own. */
async function readIds(dataset: VerifiedDataset, entry: ShardEntry): Promise<Float64Array> {
  const { pathOf, manifest } = dataset;
  try {
    const data = toByteSource(await dataset.read(entry), pathOf(entry.file));
    return readTableFrom(data, shardColumnsOf(manifest.classNames.length)).columns.id;
  } catch (thrown) {
    if (thrown instanceof Cifar5mError) return new Float64Array(0);
    throw thrown;
  }
}
