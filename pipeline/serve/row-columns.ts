/**
 * What the page filters and sorts the rows of a split by: nine bytes a row, in one file of typed arrays. The file also
 * says where images and probabilities lie in the shards, so that the page can read single rows by Range requests.
 *
 * Layout, little endian: eight uint32 (magic, version, rows, record batches, bytes of an id offset, whether there are
 * flags, 0, 0); by record batch four float64 sections (first row, smallest id, position of the images, position of the
 * probabilities); by row confidence (float32), id minus the batch's smallest (uint16 or uint32), label, class, flags
 * (uint8 each). Sets may have 256 classes, so whether a row has a class at all is a bit of its flags. The file lies on
 * no disk: a server makes it for the page of the same release.
 */

import { Cifar5mError } from "../../core/errors.ts";

const magic = 0x6d354337;
const version = 2;
const headerBytes = 32;

/** The bit of `flags` of a row for which the generator was asked for no class. The bits of audits start at the lowest. */
export const noClassBit = 1 << 7;

/** The sections of the file as typed arrays over one buffer. */
export interface RowColumns {
  readonly numRows: number;
  readonly hasFlags: boolean;
  /** First row of each record batch, shape [batches]. */
  readonly firstRows: Float64Array;
  /** Smallest id of each record batch, shape [batches]. */
  readonly idBases: Float64Array;
  /** Byte position of the batch's images in its shard, shape [batches]. */
  readonly imagePositions: Float64Array;
  /** Byte position of the batch's probabilities in its shard, shape [batches]. */
  readonly probabilityPositions: Float64Array;
  /** Shape [rows]. */
  readonly confidences: Float32Array;
  /** Id of a row less the smallest of its batch, shape [rows]. */
  readonly idOffsets: Uint16Array | Uint32Array;
  readonly labels: Uint8Array;
  /** Class that the generator was asked for; 0 for none, see `askedClass`. */
  readonly classes: Uint8Array;
  /** Bit i is `flagNames[i]`; the highest is `noClassBit`. */
  readonly flags: Uint8Array;
}

/** The sizes that determine the layout of a file. */
export interface ColumnSizes {
  readonly numRows: number;
  readonly numBatches: number;
  readonly offsetBytes: 2 | 4;
  readonly hasFlags: boolean;
}

/** Bytes of a file of these sizes. */
export function columnsBytes({ numRows, numBatches, offsetBytes }: ColumnSizes): number {
  return headerBytes + 32 * numBatches + (7 + offsetBytes) * numRows;
}

/** Allocates a file and its sections, to be filled in. */
export function allocateColumns(sizes: ColumnSizes): { readonly bytes: Uint8Array; readonly columns: RowColumns } {
  const bytes = new Uint8Array(columnsBytes(sizes));
  const { numRows, numBatches, offsetBytes, hasFlags } = sizes;
  new Uint32Array(bytes.buffer, 0, 6).set([magic, version, numRows, numBatches, offsetBytes, Number(hasFlags)]);
  return { bytes, columns: sectionsOf(bytes.buffer, sizes) };
}

/**
 * Opens a file without copying it.
 * @throws Cifar5mError `serve/bad-columns`
 */
export function openColumns(buffer: ArrayBuffer): RowColumns {
  if (buffer.byteLength < headerBytes) throw badColumns(`${buffer.byteLength} bytes`);
  const [found, foundVersion, numRows, numBatches, offsetBytes, flagged] = new Uint32Array(buffer, 0, 6);
  if (found !== magic || foundVersion !== version) throw badColumns("another format");
  if (offsetBytes !== 2 && offsetBytes !== 4) throw badColumns(`id offsets of ${offsetBytes} bytes`);
  const sizes = { numRows: numRows!, numBatches: numBatches!, offsetBytes, hasFlags: flagged === 1 } as const;
  const wanted = columnsBytes(sizes);
  if (buffer.byteLength !== wanted) throw badColumns(`${buffer.byteLength} bytes instead of ${wanted}`);
  return sectionsOf(buffer, sizes);
}

function sectionsOf(buffer: ArrayBuffer, { numRows, numBatches, offsetBytes, hasFlags }: ColumnSizes): RowColumns {
  let position = headerBytes;
  const take = (bytes: number) => {
    position += bytes;
    return position - bytes;
  };
  const ofBatches = () => new Float64Array(buffer, take(8 * numBatches), numBatches);
  const ofRows = () => new Uint8Array(buffer, take(numRows), numRows);
  const Offsets = offsetBytes === 2 ? Uint16Array : Uint32Array;
  return {
    numRows,
    hasFlags,
    firstRows: ofBatches(),
    idBases: ofBatches(),
    imagePositions: ofBatches(),
    probabilityPositions: ofBatches(),
    confidences: new Float32Array(buffer, take(4 * numRows), numRows),
    idOffsets: new Offsets(buffer, take(offsetBytes * numRows), numRows),
    labels: ofRows(),
    classes: ofRows(),
    flags: ofRows(),
  };
}

/** The class that the generator was asked for, or undefined for none. */
export function askedClass({ classes, flags }: Pick<RowColumns, "classes" | "flags">, row: number): number | undefined {
  return (flags[row]! & noClassBit) === 0 ? classes[row] : undefined;
}

/** The record batch that holds a row. */
export function batchOf({ firstRows }: RowColumns, row: number): number {
  let [low, high] = [0, firstRows.length - 1];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (firstRows[middle]! <= row) low = middle;
    else high = middle - 1;
  }
  return low;
}

function badColumns(what: string): Cifar5mError {
  return new Cifar5mError(
    "serve/bad-columns",
    `the columns of a split must be a file of this release, got ${what}. Load the page anew.`,
  );
}
