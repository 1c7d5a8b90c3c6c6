import { readTable, readTableBatches, type Table } from "./read-table.ts";
import { type ShardRows, shardColumns } from "./shard-schema.ts";

/**
 * Reads a whole published shard.
 * @throws BuilderError `table/truncated`, `table/corrupt`, `table/schema-mismatch`, `disk/…`
 */
export async function readShard(path: string): Promise<Table<typeof shardColumns>> {
  return await readTable(path, shardColumns);
}

/** `readShard` record batch by record batch, in constant memory. */
export function readShardBatches(path: string): AsyncGenerator<{ readonly rows: number; readonly columns: ShardRows }> {
  return readTableBatches(path, shardColumns);
}
