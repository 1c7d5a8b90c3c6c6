import {
  type Data,
  type DataType,
  makeData,
  RecordBatch,
  RecordBatchFileWriter,
  type Schema,
  Struct,
} from "apache-arrow";
import { Cifar5mError } from "../../core/errors.ts";
import type { CommitSink } from "../../storage/commit.ts";
import { toInt64 } from "./int64.ts";
import { rechunk } from "./rechunk.ts";
import {
  type ColumnType,
  type IntegerArray,
  parseColumnType,
  type TableInput,
  type TableSchema,
  toArrowSchema,
  toArrowType,
} from "./table-schema.ts";

/** Default number of rows of a record batch. */
const defaultRowsPerBatch = 1024;

/**
 * Writes an uncompressed Arrow IPC file. The bytes depend only on the rows, the schema and `rowsPerBatch`, not on how
 * the rows were cut into chunks.
 * @param columns - names and types, in file order
 * @param chunks - each of any number of rows; their arrays must not change before this function returns
 * @param options.rowsPerBatch - rows of each record batch but the last, default 1,024
 * @param options.metadata - schema metadata
 * @returns the number of rows
 * @throws Cifar5mError `table/bad-column` if the columns of a chunk differ in rows, `table/not-an-integer`,
 *   `table/out-of-range` unless rowsPerBatch is a positive integer; what the sink throws
 */
export async function writeTable<Columns extends TableSchema>(
  sink: CommitSink,
  columns: Columns,
  chunks: Iterable<TableInput<Columns>> | AsyncIterable<TableInput<Columns>>,
  options: { readonly rowsPerBatch?: number; readonly metadata?: Readonly<Record<string, string>> } = {},
): Promise<number> {
  const rowsPerBatch = options.rowsPerBatch ?? defaultRowsPerBatch;
  if (!Number.isSafeInteger(rowsPerBatch) || rowsPerBatch < 1) {
    throw new Cifar5mError(
      "table/out-of-range",
      `rowsPerBatch must be a positive integer, got ${rowsPerBatch}. Use 1024 unless you know better.`,
    );
  }
  const schema = toArrowSchema(columns, options.metadata);
  const writer = new PendingFileWriter(schema);
  let rows = 0;
  for await (const batch of rechunk(columns, chunks, rowsPerBatch)) {
    writer.write(toRecordBatch(schema, columns, batch.input, batch.rows));
    rows += batch.rows;
    await writer.drainInto(sink);
  }
  writer.finish();
  await writer.drainInto(sink);
  return rows;
}

/** Collects Arrow's output, so that the writer waits until the sink has taken it. */
class PendingFileWriter extends RecordBatchFileWriter {
  #pending: Uint8Array[] = [];

  constructor(schema: Schema) {
    super({ autoDestroy: false });
    this.reset(undefined, schema);
  }

  protected override _write(chunk: Uint8Array | Int32Array): this {
    const bytes = new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    this.#pending.push(bytes);
    this._position += bytes.byteLength;
    return this;
  }

  async drainInto(sink: CommitSink): Promise<void> {
    const pending = this.#pending;
    this.#pending = [];
    let small: Uint8Array[] = [];
    for (const bytes of pending) {
      if (bytes.byteLength < 16384) {
        small.push(bytes);
        continue;
      }
      await sink.write(Buffer.concat(small));
      small = [];
      await sink.write(bytes);
    }
    await sink.write(Buffer.concat(small));
  }
}

function toRecordBatch<Columns extends TableSchema>(
  schema: Schema,
  columns: Columns,
  input: TableInput<Columns>,
  rows: number,
): RecordBatch {
  const children = Object.entries(columns).map(([name, type]) => toArrowData(name, type, input[name] as never, rows));
  return new RecordBatch(schema, makeData({ type: new Struct(schema.fields), length: rows, nullCount: 0, children }));
}

function toArrowData(
  name: string,
  columnType: ColumnType,
  values: IntegerArray | Float32Array | readonly string[],
  rows: number,
): Data {
  const { element, isList } = parseColumnType(columnType);
  const type: DataType = toArrowType(columnType);
  if (element === "utf8") return makeUtf8(type, values as readonly string[], rows);
  const data = element === "int64" ? toInt64(values as IntegerArray, name) : (values as Uint8Array | Float32Array);
  if (!isList) return makeData({ type, length: rows, nullCount: 0, data } as never);
  const itemType = type.children[0]?.type as DataType;
  const child = makeData({ type: itemType, length: data.length, nullCount: 0, data } as never);
  return makeData({ type, length: rows, nullCount: 0, child } as never);
}

function makeUtf8(type: DataType, texts: readonly string[], rows: number): Data {
  const valueOffsets = new Int32Array(rows + 1);
  const encoded = texts.map((text) => Buffer.from(text));
  for (const [index, bytes] of encoded.entries()) valueOffsets[index + 1] = valueOffsets[index]! + bytes.length;
  return makeData({ type, length: rows, nullCount: 0, valueOffsets, data: Buffer.concat(encoded) } as never);
}
