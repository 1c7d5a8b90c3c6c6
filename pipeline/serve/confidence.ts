import { join } from "node:path";
import { binOf, numBins } from "../../core/confidence-bins.ts";
import { readShardBatches } from "../../shards/format/read-shard.ts";
import type { PublishedDataset } from "../run/find-dataset.ts";
import { requireShard } from "../run/require-shard.ts";

/** Number of images that are read: about 30 MB, even for a set of millions. */
const maxImages = 10_000;

/** The labeler's confidence on the first train images. */
export interface ConfidenceSummary {
  readonly numImages: number;
  /** Number of images with a confidence in each twentieth of [0, 1]. */
  readonly bins: readonly number[];
  readonly median: number;
  /** The confidence that a tenth of the images lie below. */
  readonly lowestTenth: number;
  /** Number of images for which the generator was asked for a class. */
  readonly numAsked: number;
  /** Number of these images whose label is that class. */
  readonly numAgreeing: number;
}

/**
 * Reads the first train images, in whole record batches.
 * @throws Cifar5mError `shard/missing`, `table/…`, `disk/…`
 */
export async function summarizeConfidence({ directory, manifest }: PublishedDataset): Promise<ConfidenceSummary> {
  const values: number[] = [];
  let numAsked = 0;
  let numAgreeing = 0;
  for (const { file } of manifest.splits.train.shards) {
    if (values.length >= maxImages) break;
    const path = join(directory, file);
    await requireShard(path);
    for await (const { rows, columns } of readShardBatches(path, manifest.classNames.length)) {
      for (let row = 0; row < rows; row++) {
        values.push(columns.confidence[row]!);
        if (columns.class[row] !== -1) numAsked++;
        if (columns.label[row] === columns.class[row]) numAgreeing++;
      }
      if (values.length >= maxImages) break;
    }
  }
  const sorted = Float64Array.from(values).sort();
  const bins = new Array<number>(numBins).fill(0);
  for (const value of sorted) bins[binOf(value)]!++;
  const at = (fraction: number) => sorted[Math.floor(fraction * sorted.length)] ?? 0;
  return { numImages: sorted.length, bins, median: at(0.5), lowestTenth: at(0.1), numAsked, numAgreeing };
}
