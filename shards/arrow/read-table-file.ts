import { openSource } from "./open-source.ts";
import { type RowRange, readBatchesFrom, readTableFrom, type Table, type TableBatch } from "./read-table.ts";
import type { TableSchema } from "./table-schema.ts";

/**
 * Reads a whole table that `writeTable` wrote.
 * @param columns - what the file must hold
 * @throws Cifar5mError `table/truncated`, `table/corrupt`, `table/schema-mismatch`, `disk/…`
 */
export async function readTable<Columns extends TableSchema>(path: string, columns: Columns): Promise<Table<Columns>> {
  const source = await openSource(path);
  try {
    return readTableFrom(source, columns);
  } finally {
    source.close();
  }
}

/**
 * Reads a table record batch by record batch, in constant memory.
 * @param range - of rows; batches without any of them are not read. By default all
 * @throws as `readTable`
 */
export async function* readTableBatches<Columns extends TableSchema>(
  path: string,
  columns: Columns,
  range?: RowRange,
): AsyncGenerator<TableBatch<Columns>> {
  const source = await openSource(path);
  try {
    yield* readBatchesFrom(source, columns, range);
  } finally {
    source.close();
  }
}
