import { Cifar5mError, messageOf } from "../../core/errors.ts";
import { isObject } from "../../core/is-object.ts";
import { parseJson } from "../../core/parse-json.ts";
import { fromFloat16Bits, toFloat16Bits } from "../graph/float16.ts";
import { type Shape, sizeOf } from "../graph/tensor.ts";
import type { Weights } from "./constant-scope.ts";

/** The content of a safetensors file: tensors by name, and text metadata. */
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
/** The smallest number that rounds to infinity. */
const firstTooLarge = { F16: 65_520, F32: Number.POSITIVE_INFINITY } as const;

/**
 * Encodes tensors as safetensors. Tensors are sorted by name, so equal tensors give equal bytes.
 * @param dtype - `F16` rounds to half precision
 * @throws Cifar5mError `weights/not-finite` for a number that is not finite or too large for the type
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

/** The limit of the official reader. */
const maxHeaderBytes = 100_000_000;

/**
 * Decodes safetensors of type F32 or F16; all values become float32.
 * @param label - what errors call the file
 * @throws Cifar5mError `weights/corrupt` if the header, a type or a length is wrong; `weights/not-finite` for a number
 *   that is not finite
 */
export function readSafetensors(file: Uint8Array, label: string): TensorFile {
  const fail = (rule: string, cause?: unknown) =>
    new Cifar5mError("weights/corrupt", `${label}: ${rule}. Copy the file again, or train again.`, { cause });
  const { header, dataStart } = readHeader(file, fail);
  const { __metadata__: metadata = {}, ...entries } = header;
  if (!isTextByKey(metadata)) throw fail("its __metadata__ must be an object of texts");
  const checked = Object.entries(entries).map(([name, entry]) => requireEntry(name, entry, fail));
  requireSeamless(checked, file.length - dataStart, fail);
  const data = new DataView(file.buffer, file.byteOffset + dataStart, file.length - dataStart);
  const tensors = checked.map(
    (entry) => [entry.name, { shape: entry.shape, data: decode(entry, data, label) }] as const,
  );
  return { tensors: new Map(tensors), metadata };
}

type Fail = (rule: string, cause?: unknown) => Cifar5mError;

function readHeader(file: Uint8Array, fail: Fail) {
  if (file.length < 8) throw fail(`a safetensors file has at least 8 bytes, got ${file.length}`);
  const headerBytes = Number(new DataView(file.buffer, file.byteOffset, 8).getBigUint64(0, true));
  if (headerBytes > Math.min(file.length - 8, maxHeaderBytes)) {
    throw fail(`its header cannot have ${headerBytes} bytes, the file has ${file.length}`);
  }
  const dataStart = 8 + headerBytes;
  let header: unknown;
  try {
    header = parseJson(Buffer.from(file.subarray(8, dataStart)).toString());
  } catch (error) {
    throw fail(`its header is not JSON (${messageOf(error)})`, error);
  }
  if (!isObject(header)) throw fail("its header must be an object");
  return { header, dataStart };
}

interface CheckedEntry {
  readonly name: string;
  readonly dtype: keyof typeof bytesPerElement;
  readonly shape: Shape;
  readonly start: number;
  readonly end: number;
}

function requireEntry(name: string, entry: unknown, fail: Fail): CheckedEntry {
  if (!isHeaderEntry(entry)) throw fail(`"${name}" must have a dtype, a shape and two offsets`);
  const { dtype, shape, data_offsets: offsets } = entry;
  if (dtype !== "F32" && dtype !== "F16") throw fail(`"${name}" must be F32 or F16, got ${dtype}`);
  const [start, end] = offsets;
  const numBytes = sizeOf(shape) * bytesPerElement[dtype];
  if (end - start === numBytes) return { name, dtype, shape, start, end };
  throw fail(`"${name}" must have ${numBytes} bytes, its offsets are ${start} to ${end}`);
}

/** Checks that the tensors fill the file from the end of the header to its last byte, without gaps or overlaps. */
function requireSeamless(entries: readonly CheckedEntry[], dataBytes: number, fail: Fail): void {
  let next = 0;
  for (const { name, start, end } of [...entries].sort((a, b) => a.start - b.start || a.end - b.end)) {
    if (start !== next) throw fail(`"${name}" must begin where the tensor before it ends, at ${next}, got ${start}`);
    next = end;
  }
  if (next !== dataBytes) throw fail(`its tensors must have ${next} bytes, it has ${dataBytes}`);
}

function decode({ name, dtype, shape, start }: CheckedEntry, bytes: DataView, label: string): Float32Array {
  const data = new Float32Array(sizeOf(shape));
  for (let index = 0; index < data.length; index++) {
    const position = start + index * bytesPerElement[dtype];
    const value = dtype === "F32" ? bytes.getFloat32(position, true) : fromFloat16Bits(bytes.getUint16(position, true));
    if (!Number.isFinite(value)) {
      throw new Cifar5mError(
        "weights/not-finite",
        `${label}: "${name}" must hold finite numbers, element ${index} of ${data.length} is ${value}. ` +
          "Use weights from before the training diverged.",
      );
    }
    data[index] = value;
  }
  return data;
}

function notFinite(name: string, value: number, dtype: string): Cifar5mError {
  return new Cifar5mError(
    "weights/not-finite",
    `"${name}" must hold finite numbers of type ${dtype}, got ${value}. Train again with a lower learning rate.`,
  );
}

function isHeaderEntry(entry: unknown): entry is HeaderEntry {
  if (!isObject(entry)) return false;
  const { dtype, shape, data_offsets: offsets } = entry;
  return typeof dtype === "string" && areCounts(shape) && areCounts(offsets) && offsets.length === 2;
}

function isTextByKey(value: unknown): value is Record<string, string> {
  return isObject(value) && Object.values(value).every((text) => typeof text === "string");
}

function areCounts(values: unknown): values is number[] {
  return Array.isArray(values) && values.every((value) => Number.isSafeInteger(value) && value >= 0);
}
