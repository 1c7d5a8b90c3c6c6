import { Cifar5mError } from "../../core/errors.ts";
import {
  type ColumnInput,
  type ColumnType,
  parseColumnType,
  type TableInput,
  type TableSchema,
} from "./table-schema.ts";

/** The rows of one record batch. */
export interface Rechunked<Columns extends TableSchema> {
  readonly input: TableInput<Columns>;
  readonly rows: number;
}

/**
 * Cuts chunks of any size into batches of exactly `rowsPerBatch` rows; the last batch may be shorter. Rows are copied
 * only if a batch spans several chunks.
 * @throws Cifar5mError `table/bad-column` if a column is missing or the columns of a chunk differ in rows
 */
export async function* rechunk<Columns extends TableSchema>(
  columns: Columns,
  chunks: Iterable<TableInput<Columns>> | AsyncIterable<TableInput<Columns>>,
  rowsPerBatch: number,
): AsyncGenerator<Rechunked<Columns>> {
  let parts: Rechunked<Columns>[] = [];
  let numPending = 0;
  for await (const chunk of chunks) {
    const numRows = countRows(columns, chunk);
    for (let start = 0; start < numRows; ) {
      const rows = Math.min(numRows - start, rowsPerBatch - numPending);
      parts.push({ input: sliceRows(columns, chunk, start, start + rows), rows });
      start += rows;
      numPending += rows;
      if (numPending < rowsPerBatch) continue;
      yield concatRows(columns, parts);
      parts = [];
      numPending = 0;
    }
  }
  if (numPending > 0) yield concatRows(columns, parts);
}

function countRows<Columns extends TableSchema>(columns: Columns, chunk: TableInput<Columns>): number {
  let rows: number | undefined;
  for (const [name, type] of Object.entries(columns)) {
    const values: ArrayLike<unknown> | undefined = chunk[name];
    const { width } = parseColumnType(type);
    if (values === undefined) throw badColumn(`${name} must hold rows of ${type}, and is missing`);
    const found = values.length / width;
    const got = `got ${values.length} values`;
    if (!Number.isInteger(found)) throw badColumn(`${name} must hold whole rows of ${type}, ${got}`);
    rows ??= found;
    if (found === rows) continue;
    throw badColumn(`${name} must hold ${rows} rows of ${type}, like the columns before it, ${got}`);
  }
  return rows ?? 0;
}

function badColumn(what: string): Cifar5mError {
  return new Cifar5mError("table/bad-column", `${what}. Pass all columns, with equal rows.`);
}

function sliceRows<Columns extends TableSchema>(
  columns: Columns,
  chunk: TableInput<Columns>,
  start: number,
  end: number,
): TableInput<Columns> {
  return mapColumns(columns, (name, type) => {
    const { width } = parseColumnType(type);
    const values: ColumnInput<ColumnType> | undefined = chunk[name];
    if (Array.isArray(values)) return values.slice(start, end);
    return (values as Uint8Array).subarray(start * width, end * width);
  });
}

function concatRows<Columns extends TableSchema>(columns: Columns, parts: Rechunked<Columns>[]): Rechunked<Columns> {
  const [first] = parts;
  if (first !== undefined && parts.length === 1) return first;
  const rows = parts.reduce((sum, part) => sum + part.rows, 0);
  const input = mapColumns(columns, (name, type) => {
    const { element, width } = parseColumnType(type);
    const pieces = parts.map((part) => part.input[name] as ColumnInput<ColumnType>);
    if (element === "utf8") return (pieces as string[][]).flat();
    const arrays = { int64: Float64Array, float32: Float32Array, uint8: Uint8Array } as const;
    const out = new arrays[element](rows * width);
    let start = 0;
    for (const piece of pieces as Uint8Array[]) {
      out.set(piece, start);
      start += piece.length;
    }
    return out;
  });
  return { input, rows };
}

function mapColumns<Columns extends TableSchema>(
  columns: Columns,
  make: (name: string, type: ColumnType) => ColumnInput<ColumnType>,
): TableInput<Columns> {
  return Object.fromEntries(
    Object.entries(columns).map(([name, type]) => [name, make(name, type)]),
  ) as TableInput<Columns>;
}
