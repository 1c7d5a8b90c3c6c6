import { join } from "node:path";
import { mirrorHwc } from "../../core/image-layout.ts";
import { openFileSource } from "../../shards/arrow/file-source.ts";
import { fromInt64 } from "../../shards/arrow/int64.ts";
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

type FlagColumn = keyof typeof flagColumns;
const columnNames = Object.keys(flagColumns) as FlagColumn[];
const valueBytes = { int64: 8, float32: 4, uint8: 1 } as const;

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
    const readValue = (name: FlagColumn) => {
      const bytes = valueBytes[flagColumns[name]];
      const value = new Uint8Array(bytes);
      source.readInto(positionOf(batch, name, tableRow, bytes), value);
      return toNumber(value, name);
    };
    const neighborIn = async (of: CifarSplit): Promise<Neighbor[]> => {
      const index = readValue(`${of}Index`);
      if (index < 0) return [];
      const found = {
        ...{ split: of, index, isMirrored: readValue(`${of}Mirrored`) === 1 },
        ...{ distance: readValue(`${of}Distance`), secondDistance: readValue(`${of}SecondDistance`) },
      };
      const hasPicture = served !== undefined && (await isSameCopy(dataset, { served, split, row, found }));
      return [{ ...found, hasPicture }];
    };
    const duplicateOf = readValue("duplicateOf");
    return {
      id: readValue("id"),
      neighbors: [...(await neighborIn("train")), ...(await neighborIn("test"))],
      duplicateOf: duplicateOf < 0 ? undefined : duplicateOf,
    };
  } finally {
    source.close();
  }
}

function positionOf(batch: BatchLayout, name: FlagColumn, row: number, bytes: number): number {
  return batch.regions[columnNames.indexOf(name)]!.position + (row - batch.firstRow) * bytes;
}

function toNumber(value: Uint8Array<ArrayBuffer>, name: FlagColumn): number {
  if (flagColumns[name] === "int64") return fromInt64(new BigInt64Array(value.buffer), name)[0]!;
  return flagColumns[name] === "float32" ? new Float32Array(value.buffer)[0]! : value[0]!;
}

/**
 * Whether the run's CIFAR-10 is the copy that the audit compared: copies may differ in order. The distance proves it.
 */
async function isSameCopy(
  { directory }: PublishedDataset,
  {
    served,
    split,
    row,
    found,
  }: { served: ServedRun; split: SplitName; row: number; found: Omit<Neighbor, "hasPicture"> },
): Promise<boolean> {
  const stored = await readRunCifarImage(served, found.split, found.index);
  if (stored === undefined) return false;
  const reference = found.isMirrored ? mirrorHwc(stored) : stored;
  const opened = await openDataset(directory, { split, memoryBytes: 0 });
  try {
    const { images } = await opened.readImages([row]);
    const squared = images.reduce((sum, value, at) => sum + (value - reference[at]!) ** 2, 0);
    return Math.abs(Math.sqrt(squared) - found.distance) <= tolerance * Math.max(1, found.distance);
  } finally {
    opened.close();
  }
}
