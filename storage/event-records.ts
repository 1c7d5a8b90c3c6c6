/**
 * Records of TensorBoard's event files: protobuf messages `Event`, each framed as in TFRecord files by its length and two
 * masked CRC-32C sums.
 */

/** Scalars of a step by tag, for example `loss` or `test/error`. */
export type Scalars = Readonly<Record<string, number>>;

/** Bytes of a frame before the message: its length as uint64, and the sum of that. */
const headBytes = 12;
/** Bytes of a frame after the message: the sum of it. */
const tailBytes = 4;

/** The first record of a file: the version of the format. @param wallTime - seconds since 1970 */
export function encodeVersion(wallTime: number): Uint8Array {
  return frame(Buffer.concat([double(1, wallTime), bytes(3, Buffer.from("brain.Event:2"))]));
}

/** A record with the scalars of a step. Values are rounded to float32. @param wallTime - seconds since 1970 */
export function encodeScalars(step: number, scalars: Scalars, wallTime: number): Uint8Array {
  const values = Object.entries(scalars).map(([tag, value]) =>
    bytes(1, Buffer.concat([bytes(1, Buffer.from(tag)), float(2, value)])),
  );
  return frame(Buffer.concat([double(1, wallTime), key(2, 0), varint(step), bytes(5, Buffer.concat(values))]));
}

/**
 * The records of a file up to the first one that is damaged or cut short.
 * @returns of each record its end in bytes, and its step; 0 for the version
 */
export function listRecords(file: Uint8Array): { readonly end: number; readonly step: number }[] {
  const data = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const records: { end: number; step: number }[] = [];
  for (let start = 0; start + headBytes + tailBytes <= file.length; ) {
    const length = Number(data.getBigUint64(start, true));
    const end = start + headBytes + length + tailBytes;
    const isHeadWhole = data.getUint32(start + 8, true) === maskedSum(file.subarray(start, start + 8));
    if (!isHeadWhole || end > file.length) break;
    const message = file.subarray(start + headBytes, end - tailBytes);
    if (data.getUint32(end - tailBytes, true) !== maskedSum(message)) break;
    records.push({ end, step: stepOf(message) });
    start = end;
  }
  return records;
}

/** The step of a message of ours: it follows the wall time. */
function stepOf(message: Uint8Array): number {
  const start = 9;
  if (message[start] !== 2 << 3) return 0;
  let step = 0;
  for (let index = start + 1, scale = 1; index < message.length; index++, scale *= 128) {
    step += (message[index]! & 127) * scale;
    if (message[index]! < 128) break;
  }
  return step;
}

function frame(message: Uint8Array): Uint8Array {
  const head = Buffer.alloc(headBytes);
  head.writeBigUInt64LE(BigInt(message.length));
  head.writeUInt32LE(maskedSum(head.subarray(0, 8)), 8);
  const tail = Buffer.alloc(tailBytes);
  tail.writeUInt32LE(maskedSum(message));
  return Buffer.concat([head, message, tail]);
}

function key(field: number, wireType: number): Uint8Array {
  return Uint8Array.of((field << 3) | wireType);
}

function varint(value: number): Uint8Array {
  const digits: number[] = [];
  let rest = value;
  for (; rest >= 128; rest = Math.floor(rest / 128)) digits.push((rest % 128) | 128);
  return Uint8Array.from([...digits, rest]);
}

function bytes(field: number, value: Uint8Array): Uint8Array {
  return Buffer.concat([key(field, 2), varint(value.length), value]);
}

function double(field: number, value: number): Uint8Array {
  const encoded = Buffer.alloc(8);
  encoded.writeDoubleLE(value);
  return Buffer.concat([key(field, 1), encoded]);
}

function float(field: number, value: number): Uint8Array {
  const encoded = Buffer.alloc(4);
  encoded.writeFloatLE(value);
  return Buffer.concat([key(field, 5), encoded]);
}

/** CRC-32C (Castagnoli), rotated and shifted as TFRecord files have it. */
function maskedSum(data: Uint8Array): number {
  let sum = 0xffffffff;
  for (const byte of data) sum = table[(sum ^ byte) & 255]! ^ (sum >>> 8);
  sum = (sum ^ 0xffffffff) >>> 0;
  return (((sum >>> 15) | (sum << 17)) + 0xa282ead8) >>> 0;
}

const table = Uint32Array.from({ length: 256 }, (_, byte) => {
  let sum = byte;
  for (let bit = 0; bit < 8; bit++) sum = sum & 1 ? (sum >>> 1) ^ 0x82f63b78 : sum >>> 1;
  return sum;
});
