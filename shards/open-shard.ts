import { join } from "node:path";
import { BuilderError } from "../core/errors.ts";
import { imageBytes } from "../core/image-layout.ts";
import { type FileSource, openFileSource } from "./byte-source.ts";
import type { ShardEntry } from "./manifest.ts";
import { readColumn } from "./read-table.ts";
import { shardColumns, shardColumnsOf } from "./shard-schema.ts";
import { readTableLayout } from "./table-layout.ts";

/** What the loader keeps of a shard it has touched: 9 bytes a row, and the images where they are resident. */
export interface LoadedShard {
  /** Sample ids, shape [R]. */
  readonly ids: Float64Array;
  /** Labels, shape [R]. */
  readonly labels: Uint8Array;
  /** First row of each record batch. */
  readonly batchStarts: Float64Array;
  /** Byte position in the file of the first image of each record batch. */
  readonly batchPositions: Float64Array;
  /** Record batches a row. */
  readonly batchesPerRow: number;
  /** All images, uint8, shape [R, 32, 32, 3] flattened, if resident. */
  readonly images: Uint8Array | undefined;
}

const columnNames = Object.keys(shardColumns);
const columnIndex = (name: keyof typeof shardColumns) => columnNames.indexOf(name);

/**
 * Opens a shard's file; the caller closes it.
 * @throws BuilderError `shard/missing`, `shard/size-mismatch`; `disk/…`
 */
export function openShardFile(directory: string, entry: ShardEntry): FileSource {
  const path = join(directory, entry.file);
  let source: FileSource;
  try {
    source = openFileSource(path);
  } catch (thrown) {
    if (!(thrown instanceof BuilderError) || thrown.code !== "disk/missing") throw thrown;
    throw new BuilderError(
      "shard/missing",
      `${path} is listed in the manifest but does not exist. Publish again to rebuild it.`,
      { cause: thrown },
    );
  }
  if (source.bytes === entry.bytes) return source;
  source.close();
  throw new BuilderError(
    "shard/size-mismatch",
    `${path} is ${source.bytes} bytes, the manifest says ${entry.bytes}. Delete it and publish again to rebuild it.`,
  );
}

/**
 * Reads what the loader keeps of a shard.
 * @param options.withImages - also the images
 * @throws BuilderError `table/…`, `shard/rows-mismatch`, `shard/bad-label`; `disk/…`
 */
export function loadShard(
  source: FileSource,
  entry: ShardEntry,
  options: { readonly numClasses: number; readonly withImages: boolean },
): LoadedShard {
  const { batches, rows } = readTableLayout(source, shardColumnsOf(options.numClasses));
  if (rows !== entry.rows) {
    throw new BuilderError(
      "shard/rows-mismatch",
      `${source.path} holds ${rows} rows, the manifest says ${entry.rows}. Delete it and publish again to rebuild it.`,
    );
  }
  const read = <Name extends keyof typeof shardColumns>(name: Name) =>
    readColumn(source, name, shardColumns[name], columnIndex(name), batches, rows);
  const labels = read("label");
  const badRow = labels.findIndex((label) => label < 0 || label >= options.numClasses);
  if (badRow >= 0) {
    throw new BuilderError(
      "shard/bad-label",
      `label of row ${badRow} of ${source.path} must lie in [0, ${options.numClasses}), got ${labels[badRow]}. ` +
        "Delete it and publish again to rebuild it.",
    );
  }
  const image = columnIndex("image");
  return {
    ids: read("id"),
    labels: Uint8Array.from(labels),
    batchStarts: Float64Array.from(batches, (batch) => batch.firstRow),
    batchPositions: Float64Array.from(batches, (batch) => batch.regions[image]?.position ?? 0),
    batchesPerRow: batches.length / rows,
    images: options.withImages ? read("image") : undefined,
  };
}

/** Bytes of the images of a shard or split. */
export function imageBytesOf(rows: number): number {
  return rows * imageBytes;
}
