import { BuilderError, messageOf } from "../core/errors.ts";
import { fromFloat16Bits, toFloat16Bits } from "./float16.ts";
import type { Weights } from "./inference.ts";
import { type Shape, sizeOf } from "./tensor.ts";

/** A safetensors file: tensors by name, and text beside them. */
export interface TensorFile {
  readonly tensors: Weights;
  readonly metadata: Readonly<Record<string, string>>;
}

interface HeaderEntry {
  readonly dtype: string;
  readonly shape: Shape;
  readonly data_offsets: readonly [number, number];
}

const bytesPerElement = { F16: 2, F32: 4 } as const;
/** What rounds to infinity, and all above. */
const firstTooLarge = { F16: 65_520, F32: Number.POSITIVE_INFINITY } as const;

/**
 * Encodes tensors as safetensors, sorted by name, so that equal tensors give equal bytes.
 * @param dtype - `F16` rounds to half precision
 * @throws BuilderError `weights/not-finite` for a number that is not finite, or too large for the type
 * @see https://github.com/huggingface/safetensors, "Format"
 */
export function writeSafetensors({ tensors, metadata }: TensorFile, dtype: "F32" | "F16"): Uint8Array {
  const names = [...tensors.keys()].sort();
  const header: Record<string, unknown> = { __metadata__: metadata };
  let end = 0;
  for (const name of names) {
    const { shape } = tensors.get(name)!;
    const start = end;
    end += sizeOf(shape) * bytesPerElement[dtype];
    header[name] = { dtype, shape, data_offsets: [start, end] };
  }
  const text = JSON.stringify(header);
  const headerBytes = Buffer.from(text + " ".repeat((8 - (Buffer.byteLength(text) % 8)) % 8));
  const file = new Uint8Array(8 + headerBytes.length + end);
  new DataView(file.buffer).setBigUint64(0, BigInt(headerBytes.length), true);
  file.set(headerBytes, 8);
  const data = new DataView(file.buffer, 8 + headerBytes.length);
  let offset = 0;
  for (const name of names) {
    for (const value of tensors.get(name)!.data) {
      // The comparison is false for NaN too.
      if (!(Math.abs(value) < firstTooLarge[dtype])) throw notFinite(name, value, dtype);
      if (dtype === "F32") data.setFloat32(offset, value, true);
      else data.setUint16(offset, toFloat16Bits(value), true);
      offset += bytesPerElement[dtype];
    }
  }
  return file;
}

/**
 * Decodes safetensors of type F32 or F16; all values become float32.
 * @param label - the file's name, for errors
 * @throws BuilderError `weights/corrupt` when the header, a type or a length does not fit
 */
export function readSafetensors(file: Uint8Array, label: string): TensorFile {
  const fail = (rule: string, cause?: unknown) =>
    new BuilderError("weights/corrupt", `${label}: ${rule}. Copy the file again, or train again.`, { cause });
  if (file.length < 8) throw fail(`a safetensors file has at least 8 bytes, got ${file.length}`);
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const headerBytes = Number(view.getBigUint64(0, true));
  if (headerBytes > file.length - 8) throw fail(`its header has ${headerBytes} bytes, the file ${file.length}`);
  let header: Record<string, unknown>;
  try {
    header = JSON.parse(Buffer.from(file.subarray(8, 8 + headerBytes)).toString()) as Record<string, unknown>;
  } catch (error) {
    throw fail(`its header is not JSON (${messageOf(error)})`, error);
  }
  if (typeof header !== "object" || header === null) throw fail(`its header must be an object, got ${header}`);
  const { __metadata__: metadata = {}, ...entries } = header;
  const dataStart = 8 + headerBytes;
  const tensors = new Map<string, { shape: Shape; data: Float32Array }>();
  for (const [name, entry] of Object.entries(entries)) {
    if (!isHeaderEntry(entry)) {
      throw fail(`"${name}" must have a dtype, a shape and two offsets, got ${JSON.stringify(entry)}`);
    }
    const { dtype, shape, data_offsets: offsets } = entry;
    if (dtype !== "F32" && dtype !== "F16") throw fail(`"${name}" must be F32 or F16, got ${dtype}`);
    const [start, end] = offsets;
    const numBytes = sizeOf(shape) * bytesPerElement[dtype];
    if (end - start !== numBytes || start < 0 || dataStart + end > file.length) {
      throw fail(`"${name}" must have ${numBytes} bytes within the file, its offsets are ${start} to ${end}`);
    }
    const data = new Float32Array(sizeOf(shape));
    for (let index = 0; index < data.length; index++) {
      const position = dataStart + start + index * bytesPerElement[dtype];
      data[index] = dtype === "F32" ? view.getFloat32(position, true) : fromFloat16Bits(view.getUint16(position, true));
    }
    tensors.set(name, { shape, data });
  }
  return { tensors, metadata: metadata as Record<string, string> };
}

function notFinite(name: string, value: number, dtype: string): BuilderError {
  return new BuilderError(
    "weights/not-finite",
    `"${name}" must hold finite numbers of type ${dtype}, got ${value}. Train again with a lower learning rate.`,
  );
}

function isHeaderEntry(entry: unknown): entry is HeaderEntry {
  const { dtype, shape, data_offsets: offsets } = (entry ?? {}) as Partial<Record<keyof HeaderEntry, unknown>>;
  return typeof dtype === "string" && areCounts(shape) && areCounts(offsets) && offsets.length === 2;
}

function areCounts(values: unknown): values is number[] {
  return Array.isArray(values) && values.every((value) => Number.isSafeInteger(value) && value >= 0);
}
