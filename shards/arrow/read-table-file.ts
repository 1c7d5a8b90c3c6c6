import { openSource } from "./open-source.ts";
import { readBatches, readTableFrom, type Table } from "./read-table.ts";
import { readTableLayout } from "./table-layout.ts";
import type { TableRows, TableSchema } from "./table-schema.ts";

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
 * @throws as `readTable`
 */
export async function* readTableBatches<Columns extends TableSchema>(
  path: string,
  columns: Columns,
): AsyncGenerator<{ readonly rows: number; readonly columns: TableRows<Columns> }> {
  const source = await openSource(path);
  try {
    for (const batch of readTableLayout(source, columns).batches) {
      yield { rows: batch.rows, columns: readBatches(source, columns, [batch], batch.rows) };
    }
  } finally {
    source.close();
  }
}
