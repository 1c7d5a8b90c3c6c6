import { Cifar5mError } from "../../core/errors.ts";
import type { ByteReader } from "./byte-reader.ts";

/** The description of an array in the header of its .npy file. */
export interface NpyHeader {
  /** numpy's name of the element type: `|u1`, `<i8`. */
  readonly descr: string;
  readonly shape: readonly number[];
  /** Number of bytes before the first element. */
  readonly headerBytes: number;
}

const magic = "\x93NUMPY";
/** numpy pads headers to a multiple of this. */
const alignment = 64;
/** A longer header cannot describe one of our arrays. */
const maxHeaderBytes = 65_536;

/**
 * Reads the header of a .npy file, up to the first element.
 * @param name - named in errors
 * @throws Cifar5mError `npz/not-an-array`, `npz/pickled`, `npz/fortran-order`
 * @see numpy.lib.format, versions 1.0 to 3.0
 */
export async function readNpyHeader(reader: ByteReader, name: string): Promise<NpyHeader> {
  const prefix = Buffer.from(await reader.read(8));
  if (prefix.toString("latin1", 0, 6) !== magic) throw notAnArray(name, "it does not start with numpy's magic bytes");
  const version = prefix[6]!;
  if (version < 1 || version > 3) throw notAnArray(name, `its version is ${version}`);
  const length = Buffer.from(await reader.read(version === 1 ? 2 : 4));
  const textBytes = length.readUIntLE(0, length.length);
  if (textBytes > maxHeaderBytes) throw notAnArray(name, `its header would be ${textBytes} bytes`);
  const text = Buffer.from(await reader.read(textBytes)).toString("latin1");
  const descr = /'descr':\s*'([^']*)'/.exec(text)?.[1];
  const order = /'fortran_order':\s*(True|False)/.exec(text)?.[1];
  const shape = /'shape':\s*\(([^)]*)\)/.exec(text)?.[1];
  if (order === undefined || shape === undefined) throw notAnArray(name, "its header names no order or shape");
  if (descr === undefined) throw notAnArray(name, "it is an array of records");
  if (descr.includes("O")) {
    throw new Cifar5mError(
      "npz/pickled",
      `${name} must hold numbers, got pickled Python objects, which are never loaded: they can run any code. ` +
        "Save it again as a plain array.",
    );
  }
  const sizes = shape
    .split(",")
    .filter((size) => size.trim() !== "")
    // Python 2 wrote 30 as 30L.
    .map((size) => Number(/^\s*(\d+)L?\s*$/.exec(size)?.[1] ?? Number.NaN));
  if (!sizes.every(Number.isSafeInteger)) throw notAnArray(name, `its shape is (${shape})`);
  if (order === "True" && sizes.length > 1) {
    throw new Cifar5mError(
      "npz/fortran-order",
      `${name} must be in C order, got Fortran order. Save numpy.ascontiguousarray of it.`,
    );
  }
  return { descr, shape: sizes, headerBytes: 8 + length.length + textBytes };
}

/** Writes the header of a .npy file of a C-ordered array, version 1.0. */
export function npyHeader(descr: string, shape: readonly number[]): Uint8Array {
  const sizes = shape.length === 1 ? `${shape[0]},` : shape.join(", ");
  const text = `{'descr': '${descr}', 'fortran_order': False, 'shape': (${sizes}), }`;
  const padding = (alignment - ((10 + text.length + 1) % alignment)) % alignment;
  const header = Buffer.from(`${magic}\x01\x00\x00\x00${text}${" ".repeat(padding)}\n`, "latin1");
  header.writeUInt16LE(header.length - 10, 8);
  return header;
}

function notAnArray(name: string, what: string): Cifar5mError {
  return new Cifar5mError("npz/not-an-array", `${name} must be a numpy array: ${what}. Save it with numpy.savez.`);
}
