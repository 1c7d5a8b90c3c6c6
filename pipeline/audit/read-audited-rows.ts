import type { ShardRows } from "../../shards/format/shard-schema.ts";
import type { ShardReader } from "../run/shard-reader.ts";
import type { AuditUnit } from "./plan-audit.ts";

/**
 * The audited rows of a shard, batch by batch.
 * @yields the columns of a batch, and which of its rows are audited, rising
 * @throws as `ShardReader.read`
 */
export async function* readAuditedRows(
  reader: ShardReader,
  unit: AuditUnit,
  signal: AbortSignal,
): AsyncGenerator<{ readonly columns: ShardRows; readonly rows: readonly number[] }> {
  const audited = unit.rows === undefined ? undefined : new Set(unit.rows);
  for await (const { firstRow, rows, columns } of reader.read(unit.entry, signal)) {
    const all = Array.from({ length: rows }, (_, row) => row);
    yield { columns, rows: audited === undefined ? all : all.filter((row) => audited.has(firstRow + row)) };
  }
}
