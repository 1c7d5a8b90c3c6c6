import { cifar10ClassNames } from "../../core/image-layout.ts";
import type { Table } from "../arrow/read-table.ts";
import { readTable, readTableBatches } from "../arrow/read-table-file.ts";
import { type ShardRows, type shardColumns, shardColumnsOf } from "./shard-schema.ts";

/**
 * Reads a whole published shard.
 * @param numClasses - number of classes in its manifest
 * @throws Cifar5mError `table/truncated`, `table/corrupt`, `table/schema-mismatch`, `disk/…`
 */
export async function readShard(
  path: string,
  numClasses: number = cifar10ClassNames.length,
): Promise<Table<typeof shardColumns>> {
  return await readTable(path, shardColumnsOf(numClasses));
}

/** `readShard` one record batch at a time, in constant memory. */
export function readShardBatches(
  path: string,
  numClasses: number,
): AsyncGenerator<{ readonly rows: number; readonly columns: ShardRows }> {
  return readTableBatches(path, shardColumnsOf(numClasses));
}
