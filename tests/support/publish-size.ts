import { describeGrowth, describeSplit, type Manifest, type ShardEntry } from "../../shards/format/manifest.ts";
import { writeManifest } from "../../shards/format/manifest-file.ts";
import { readShard } from "../../shards/format/read-shard.ts";

/**
 * Publishes one size of a growing set: a manifest with the first shards of the train split, and the whole test split.
 * @param whole - the manifest of all shards of the folder
 * @param earlier - numbers of train shards of the sizes before
 */
export async function publishSize(
  folder: string,
  whole: Manifest,
  numTrain: number,
  earlier: readonly number[],
): Promise<Manifest> {
  const { version: _, sha256: __, ...rest } = whole;
  const train = whole.splits.train.shards.slice(0, numTrain);
  const splits = { ...whole.splits, train: describeSplit(train, await countClasses(folder, whole, train)) };
  const sizes = earlier.map((count) => ({ train: count, test: whole.splits.test.shards.length }));
  const growth = sizes.length === 0 ? {} : { growth: describeGrowth(splits, sizes) };
  return (await writeManifest(folder, { ...rest, splits, ...growth })).manifest;
}

async function countClasses(folder: string, whole: Manifest, shards: readonly ShardEntry[]): Promise<number[]> {
  const counts = new Array<number>(whole.classNames.length).fill(0);
  for (const { file } of shards)
    for (const label of (await readShard(`${folder}/${file}`)).columns.label) counts[label]!++;
  return counts;
}
