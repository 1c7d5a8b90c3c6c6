import { damagedFileAdvice } from "../../core/damaged-file-advice.ts";
import { Cifar5mError } from "../../core/errors.ts";
import type { ByteSource } from "./byte-source.ts";
import { fromInt64 } from "./int64.ts";
import { type BatchLayout, readTableLayout, type TableLayout } from "./table-layout.ts";
import { type ColumnValues, parseColumnType, type TableRows, type TableSchema } from "./table-schema.ts";

/** A table in memory. */
export interface Table<Columns extends TableSchema> {
  readonly rows: number;
  readonly columns: TableRows<Columns>;
  /** Schema metadata. */
  readonly metadata: ReadonlyMap<string, string>;
}

/** `readTable` for bytes in memory. */
export function readTableFrom<Columns extends TableSchema>(source: ByteSource, columns: Columns): Table<Columns> {
  const layout = readTableLayout(source, columns);
  const values = readBatches(source, columns, layout.batches, layout.rows);
  return { rows: layout.rows, columns: values, metadata: layout.metadata };
}

/** Rows of a table, counted from its first one. */
export interface RowRange {
  readonly start: number;
  /** One past the last one. */
  readonly end: number;
}

/** Some rows of a table. */
export interface TableBatch<Columns extends TableSchema> {
  /** Their first one, counted from that of the table. */
  readonly firstRow: number;
  readonly rows: number;
  readonly columns: TableRows<Columns>;
}

/**
 * Reads the record batches of a table one by one, in constant memory.
 * @param range - of rows; batches without any of them are not read
 */
export function* readBatchesFrom<Columns extends TableSchema>(
  source: ByteSource,
  columns: Columns,
  { start, end }: RowRange = { start: 0, end: Number.POSITIVE_INFINITY },
): Generator<TableBatch<Columns>> {
  for (const batch of readTableLayout(source, columns).batches) {
    const { firstRow, rows } = batch;
    if (firstRow >= end) return;
    if (firstRow + rows > start) yield { firstRow, rows, columns: readBatches(source, columns, [batch], rows) };
  }
}

export function readBatches<Columns extends TableSchema>(
  source: ByteSource,
  columns: Columns,
  batches: readonly BatchLayout[],
  rows: number,
): TableRows<Columns> {
  const entries = Object.keys(columns).map((name) => [name, readColumn(source, columns, name, { batches, rows })]);
  return Object.fromEntries(entries) as TableRows<Columns>;
}

/**
 * Reads one column of several record batches.
 * @param columns - all columns of the file
 * @param layout - the batches, and the number of their rows together
 * @returns its values, lists flattened
 */
export function readColumn<Columns extends TableSchema, Name extends keyof Columns & string>(
  source: ByteSource,
  columns: Columns,
  name: Name,
  layout: Pick<TableLayout, "batches" | "rows">,
): ColumnValues<Columns[Name]> {
  return readAnyColumn(source, columns, name, layout) as ColumnValues<Columns[Name]>;
}

function readAnyColumn(
  source: ByteSource,
  columns: TableSchema,
  name: string,
  { batches, rows }: Pick<TableLayout, "batches" | "rows">,
): Float64Array | Float32Array | Uint8Array | string[] {
  const { element, width } = parseColumnType(columns[name]!);
  const index = Object.keys(columns).indexOf(name);
  if (element === "utf8") return batches.flatMap((batch) => readTexts(source, batch, index));
  const arrays = { int64: BigInt64Array, float32: Float32Array, uint8: Uint8Array } as const;
  const values = new arrays[element](rows * width);
  const bytes = new Uint8Array(values.buffer);
  let start = 0;
  for (const { regions } of batches) {
    const region = regions[index];
    if (region === undefined) continue;
    source.readInto(region.position, bytes.subarray(start, start + region.bytes));
    start += region.bytes;
  }
  return values instanceof BigInt64Array
    ? fromInt64(values, name, { path: source.path, firstRow: batches[0]?.firstRow ?? 0 })
    : values;
}

/** Keeps a byte order mark, which is part of the text. */
const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });

function readTexts(source: ByteSource, batch: BatchLayout, index: number): string[] {
  const region = batch.regions[index];
  if (region?.offsetsPosition === undefined || batch.rows === 0) return [];
  const offsets = new Int32Array(batch.rows + 1);
  source.readInto(region.offsetsPosition, new Uint8Array(offsets.buffer));
  requireRising(offsets, region.bytes, source.path);
  const bytes = new Uint8Array(region.bytes);
  source.readInto(region.position, bytes);
  return Array.from({ length: batch.rows }, (_, row) => utf8.decode(bytes.subarray(offsets[row]!, offsets[row + 1]!)));
}

/** Texts must follow each other. If they could overlap, a small file could hold any number of large texts. */
function requireRising(offsets: Int32Array, bytes: number, path: string): void {
  let previous = 0;
  for (const offset of offsets) {
    if (offset < previous || offset > bytes) {
      throw new Cifar5mError(
        "table/corrupt",
        `${path} must hold its texts one after the other within ${bytes} bytes, got ${offset} after ${previous}. ` +
          damagedFileAdvice,
      );
    }
    previous = offset;
  }
}
