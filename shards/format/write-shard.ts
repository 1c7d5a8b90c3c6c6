import { cifar10ClassNames } from "../../core/image-layout.ts";
import type { CommitSink } from "../../storage/commit.ts";
import { writeTable } from "../arrow/write-table.ts";
import { type ShardInput, shardColumnsOf, shardMetadataOf } from "./shard-schema.ts";

/**
 * Writes a published shard: an uncompressed Arrow IPC file that pyarrow, Hugging Face datasets, polars and DuckDB read.
 * @param chunks - rows in rising order of id; a chunk may have any number of rows
 * @param classNames - the index is the label; by default the classes of CIFAR-10
 * @returns the number of rows
 * @throws Cifar5mError as `writeTable`
 */
export async function writeShard(
  sink: CommitSink,
  chunks: Iterable<ShardInput> | AsyncIterable<ShardInput>,
  classNames: readonly string[] = cifar10ClassNames,
): Promise<number> {
  return await writeTable(sink, shardColumnsOf(classNames.length), chunks, { metadata: shardMetadataOf(classNames) });
}
