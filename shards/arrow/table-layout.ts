/**
 * The position of every column of every record batch in an Arrow IPC file, found from its footer without reading rows.
 */

import { Footer } from "apache-arrow/ipc/metadata/file";
import { Message } from "apache-arrow/ipc/metadata/message";
import { damagedFileAdvice } from "../../core/damaged-file-advice.ts";
import { Cifar5mError, messageOf } from "../../core/errors.ts";
import type { ByteSource } from "./byte-source.ts";
import { requireFooter, requireRecordBatchMessage } from "./check-arrow-metadata.ts";
import { parseColumnType, requireSchema, type TableSchema } from "./table-schema.ts";

/** A column of one record batch. */
export interface ColumnRegion {
  /** Byte position of the values in the file. */
  readonly position: number;
  /** Bytes of the values. */
  readonly bytes: number;
  /** utf8 only: byte position of the int32 offsets, one more than rows. */
  readonly offsetsPosition?: number;
}

export interface BatchLayout {
  /** Index in the file of its first row. */
  readonly firstRow: number;
  readonly rows: number;
  /** By column, in file order. */
  readonly regions: readonly ColumnRegion[];
}

export interface TableLayout {
  readonly rows: number;
  readonly batches: readonly BatchLayout[];
  /** Schema metadata. */
  readonly metadata: ReadonlyMap<string, string>;
}

const magic = "ARROW1";
const magicBytes = new TextEncoder().encode(magic);
const elementBytes = { int64: 8, float32: 4, uint8: 1, utf8: 1 } as const;

/**
 * @param columns - what the file must hold
 * @throws Cifar5mError `table/truncated`, `table/corrupt`, `table/schema-mismatch`, `table/compressed`, `table/has-nulls`
 */
export function readTableLayout(source: ByteSource, columns: TableSchema): TableLayout {
  const footer = readFooter(source);
  // In a damaged file a list may lack its item type, which is part of the type's name.
  decode(source, () => requireSchema(columns, footer.schema, source.path));
  const batches: BatchLayout[] = [];
  let firstRow = 0;
  let last: { readonly metadata: Uint8Array; readonly header: BatchHeader } | undefined;
  let bytesLeft = source.bytes;
  for (const block of decode(source, () => [...footer.recordBatches()])) {
    if (block.metaDataLength < 8) throw corrupt(source, "a record batch has no metadata");
    // Overlapping batches could be of any number and size.
    bytesLeft -= block.metaDataLength + block.bodyLength;
    if (block.bodyLength < 0 || bytesLeft < 0) throw corrupt(source, "its record batches are larger than itself");
    const metadata = readBytes(source, block.offset + 8, block.metaDataLength - 8);
    // Batches of equal size have equal metadata, byte for byte. Decoding it is most of the work, so a known one is used
    // again.
    const isKnown = last !== undefined && areEqual(last.metadata, metadata);
    const header: BatchHeader = isKnown ? last!.header : decodeHeader(source, metadata);
    last = { metadata, header };
    const bodyStart = block.offset + block.metaDataLength;
    const regions = locateColumns(source, columns, header, bodyStart, block.bodyLength);
    batches.push({ firstRow, rows: header.length, regions });
    firstRow += header.length;
  }
  return { rows: firstRow, batches, metadata: footer.schema.metadata };
}

function decodeHeader(source: ByteSource, metadata: Uint8Array): BatchHeader {
  const header = decode(source, () => {
    requireRecordBatchMessage(metadata);
    return Message.decode(metadata).header() as BatchHeader;
  });
  if (header.length < 0) throw corrupt(source, `a record batch cannot have ${header.length} rows`);
  if (header.compression !== null) {
    throw new Cifar5mError("table/compressed", `${source.path} must not be compressed. Write it again uncompressed.`);
  }
  if (header.nodes.some((node) => node.nullCount !== 0)) {
    throw new Cifar5mError("table/has-nulls", `${source.path} must hold no nulls. Build it again.`);
  }
  return header;
}

/** A record batch as Arrow's decoder returns it. */
interface BatchHeader {
  readonly length: number;
  readonly nodes: readonly { readonly nullCount: number }[];
  readonly compression: object | null;
  readonly buffers: readonly { readonly offset: number; readonly length: number }[];
}

function locateColumns(
  source: ByteSource,
  columns: TableSchema,
  header: BatchHeader,
  bodyStart: number,
  bodyBytes: number,
): ColumnRegion[] {
  let next = 0;
  const takeBuffer = () => {
    const buffer = header.buffers[next++];
    const isInside =
      buffer !== undefined && buffer.offset >= 0 && buffer.length >= 0 && buffer.offset + buffer.length <= bodyBytes;
    if (!isInside || bodyStart + bodyBytes > source.bytes)
      throw corrupt(source, "a record batch points outside the file");
    return { position: bodyStart + buffer.offset, bytes: buffer.length };
  };
  return Object.entries(columns).map(([name, type]) => {
    const { element, width, isList } = parseColumnType(type);
    // A validity bitmap comes before the values, even if it is empty, and a list has its own bitmap.
    takeBuffer();
    if (isList) takeBuffer();
    const offsets = element === "utf8" ? takeBuffer() : undefined;
    const values = takeBuffer();
    const wanted = header.length * width * elementBytes[element];
    if (offsets === undefined ? values.bytes < wanted : offsets.bytes < 4 * (header.length + 1) && header.length > 0) {
      throw corrupt(source, `column ${name} has fewer values than its ${header.length} rows`);
    }
    if (offsets !== undefined) return { ...values, offsetsPosition: offsets.position };
    return { position: values.position, bytes: wanted };
  });
}

function readFooter(source: ByteSource): Footer {
  const start = readBytes(source, 0, magic.length);
  if (!areEqual(start, magicBytes)) throw corrupt(source, `it must start with ${magic}`);
  const tail = readBytes(source, Math.max(0, source.bytes - 10), 10);
  if (!areEqual(tail.subarray(4), magicBytes)) {
    throw new Cifar5mError(
      "table/truncated",
      `${source.path} must end with ${magic}, but it was cut off at ${source.bytes} bytes or overwritten. ` +
        damagedFileAdvice,
    );
  }
  const footerBytes = new DataView(tail.buffer).getInt32(0, true);
  const position = source.bytes - 10 - footerBytes;
  if (footerBytes <= 0 || position < 8) throw corrupt(source, `its footer cannot be ${footerBytes} bytes`);
  const footer = readBytes(source, position, footerBytes);
  return decode(source, () => {
    requireFooter(footer);
    return Footer.decode(footer);
  });
}

function areEqual(left: Uint8Array, right: Uint8Array): boolean {
  return left.length === right.length && left.every((byte, index) => byte === right[index]);
}

function readBytes(source: ByteSource, position: number, length: number): Uint8Array {
  if (position < 0 || position + length > source.bytes) throw corrupt(source, "it points outside itself");
  const bytes = new Uint8Array(length);
  source.readInto(position, bytes);
  return bytes;
}

function decode<Decoded>(source: ByteSource, decodeBytes: () => Decoded): Decoded {
  try {
    return decodeBytes();
  } catch (thrown) {
    // Arrow's own messages ("Cannot read properties of null (reading 'fieldsLength')") do not help the user.
    if (thrown instanceof Cifar5mError) throw thrown;
    throw corrupt(source, `its metadata cannot be read (${messageOf(thrown)})`, thrown);
  }
}

function corrupt(source: ByteSource, what: string, cause?: unknown): Cifar5mError {
  return new Cifar5mError("table/corrupt", `${source.path} must be an Arrow IPC file: ${what}. ${damagedFileAdvice}`, {
    cause,
  });
}
