import { join } from "node:path";
import { mirrorHwc } from "../../core/image-layout.ts";
import { once } from "../../core/once.ts";
import { openFileSource } from "../../shards/arrow/file-source.ts";
import { readBatches } from "../../shards/arrow/read-table.ts";
import { type BatchLayout, readTableLayout } from "../../shards/arrow/table-layout.ts";
import { flagColumns, flagsTableName } from "../../shards/format/flags.ts";
import { openDataset, type SplitName } from "../../shards/index.ts";
import type { PublishedDataset } from "../run/find-dataset.ts";
import type { CifarSplit } from "./cifar-records.ts";
import { realPathInside } from "./resource.ts";
import { readRunCifarImage, type ServedRun } from "./served-run.ts";

/** The nearest image of a split of CIFAR-10, by an audit. */
export interface Neighbor {
  readonly split: CifarSplit;
  readonly index: number;
  readonly isMirrored: boolean;
  /** Root of the summed squared differences of all 3,072 values, each from 0 to 255. */
  readonly distance: number;
  /** The same of the second nearest; −1 if there is none. */
  readonly secondDistance: number;
  /** Whether the run folder has the copy of CIFAR-10 that was compared, so that the picture can be shown. */
  readonly hasPicture: boolean;
}

/** What an audit says of one row. */
export interface ImageFacts {
  readonly id: number;
  readonly neighbors: readonly Neighbor[];
  /** Id of the image of the set that this one is a near-duplicate of. */
  readonly duplicateOf: number | undefined;
}

/** Largest difference of a stored distance, float32, from the same computed again, relative to it. */
const tolerance = 1e-6;

/**
 * Reads what the audit says of a row, from the table of flags: a few bytes at their positions.
 * @param options.served - the run of the set, for pictures of CIFAR-10
 * @throws Cifar5mError `serve/outside-folder`, `table/…`, `disk/…`
 */
export async function readImageFacts(options: {
  readonly dataset: PublishedDataset;
  readonly served: ServedRun | undefined;
  readonly split: SplitName;
  readonly row: number;
}): Promise<ImageFacts> {
  const { dataset, served, split, row } = options;
  const { directory, manifest } = dataset;
  const path = await realPathInside(directory, join(directory, flagsTableName));
  const source = openFileSource(path);
  try {
    const { batches } = readTableLayout(source, flagColumns);
    const tableRow = row + (split === "train" ? 0 : manifest.splits.train.rows);
    const batch = batches.findLast(({ firstRow }) => firstRow <= tableRow)!;
    const found = readBatches(source, flagColumns, [rowOf(batch, tableRow)], 1);
    const image = once(() => readStored(dataset, split, row));
    const neighborIn = async (of: CifarSplit): Promise<Neighbor[]> => {
      const index = found[`${of}Index`][0]!;
      if (index < 0) return [];
      const neighbor = {
        split: of,
        index,
        isMirrored: found[`${of}Mirrored`][0] === 1,
        distance: found[`${of}Distance`][0]!,
        secondDistance: found[`${of}SecondDistance`][0]!,
      };
      const hasPicture = served !== undefined && (await isSameCopy(served, neighbor, image));
      return [{ ...neighbor, hasPicture }];
    };
    const duplicateOf = found.duplicateOf[0]!;
    return {
      id: found.id[0]!,
      neighbors: [...(await neighborIn("train")), ...(await neighborIn("test"))],
      duplicateOf: duplicateOf < 0 ? undefined : duplicateOf,
    };
  } finally {
    source.close();
  }
}

/** One row as a record batch of its own. */
function rowOf(batch: BatchLayout, row: number): BatchLayout {
  const regions = batch.regions.map(({ position, bytes }) => {
    const valueBytes = bytes / batch.rows;
    return { position: position + (row - batch.firstRow) * valueBytes, bytes: valueBytes };
  });
  return { firstRow: row, rows: 1, regions };
}

/** An image of the set: uint8, shape [32, 32, 3]. */
async function readStored({ directory }: PublishedDataset, split: SplitName, row: number): Promise<Uint8Array> {
  const opened = await openDataset(directory, { split, memoryBytes: 0 });
  try {
    return (await opened.readImages([row])).images;
  } finally {
    opened.close();
  }
}

/**
 * Whether the run's CIFAR-10 is the copy that the audit compared: copies may differ in order. The distance proves it.
 * @param readImage - reads the image that was compared
 */
async function isSameCopy(
  served: ServedRun,
  { split, index, isMirrored, distance }: Omit<Neighbor, "hasPicture">,
  readImage: () => Promise<Uint8Array>,
): Promise<boolean> {
  const stored = await readRunCifarImage(served, split, index);
  if (stored === undefined) return false;
  const reference = isMirrored ? mirrorHwc(stored) : stored;
  const image = await readImage();
  const squared = image.reduce((sum, value, at) => sum + (value - reference[at]!) ** 2, 0);
  return Math.abs(Math.sqrt(squared) - distance) <= tolerance * Math.max(1, distance);
}
