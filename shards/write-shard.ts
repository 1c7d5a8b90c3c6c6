import type { CommitSink } from "./commit.ts";
import { type ShardInput, shardColumns, shardMetadata } from "./shard-schema.ts";
import { writeTable } from "./write-table.ts";

/**
 * Writes a published shard: an uncompressed Arrow IPC file that pyarrow, Hugging Face datasets, polars and DuckDB read.
 * @param chunks - rows in rising order of id, any number a chunk
 * @returns the number of rows
 * @throws BuilderError as `writeTable`
 */
export async function writeShard(
  sink: CommitSink,
  chunks: Iterable<ShardInput> | AsyncIterable<ShardInput>,
): Promise<number> {
  return await writeTable(sink, shardColumns, chunks, { metadata: shardMetadata });
}
