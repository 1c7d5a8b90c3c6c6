import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { cifar10Files } from "../../pipeline/cifar-10/cifar-10-files.ts";
import { cifar10FileBytes } from "./make-cifar-10.ts";

const opcode = (text: string, ...numbers: number[]) =>
  Buffer.concat([Buffer.from(text, "latin1"), Buffer.from(numbers)]);
const uint32 = (value: number) => [value & 255, (value >> 8) & 255, (value >> 16) & 255, value >>> 24];

/**
 * A batch as Python 2 pickled it for the authors of CIFAR: protocol 2, strings of bytes.
 * @param records - of the binary version
 * @param labelKeys - the names of the labels of a record
 */
export function pythonBatch(records: Uint8Array, labelKeys: readonly string[] = ["labels"]): Buffer {
  const recordBytes = labelKeys.length + 3072;
  const numRecords = records.length / recordBytes;
  const recordAt = (index: number) => records.subarray(index * recordBytes, (index + 1) * recordBytes);
  const rows = Array.from({ length: numRecords }, (_, index) => recordAt(index));
  let numPut = 0;
  const put = () => (++numPut < 256 ? opcode("q", numPut) : opcode("r", ...uint32(numPut)));
  const text = (value: string) => Buffer.concat([opcode("U", value.length), Buffer.from(value, "latin1"), put()]);
  const int = (value: number) => (value < 256 ? opcode("K", value) : opcode("M", value & 255, value >> 8));
  const list = (items: readonly Buffer[]) => Buffer.concat([opcode("]"), put(), opcode("("), ...items, opcode("e")]);
  const pixels = Buffer.concat(rows.map((row) => row.subarray(labelKeys.length)));
  const array = Buffer.concat([
    opcode("cnumpy.core.multiarray\n_reconstruct\n"),
    put(),
    opcode("cnumpy\nndarray\n"),
    put(),
    opcode("K\0\x85U\x01b\x87R"),
    put(),
    opcode("(K\x01"),
    int(numRecords),
    int(3072),
    opcode("\x86cnumpy\ndtype\n"),
    put(),
    opcode("U\x02u1K\0K\x01\x87R"),
    put(),
    opcode("(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\0tb\x89T", ...uint32(pixels.length)),
    pixels,
    opcode("tb"),
  ]);
  return Buffer.concat([
    opcode("\x80\x02}"),
    put(),
    opcode("("),
    text("batch_label"),
    text("training batch 1 of 5"),
    ...labelKeys.flatMap((key, index) => [text(key), list(rows.map((row) => int(row[index]!)))]),
    text("data"),
    array,
    text("filenames"),
    list(rows.map((_, index) => text(`leptodactylus_s_${String(index).padStart(6, "0")}.png`))),
    opcode("u."),
  ]);
}

/** Writes the set of `makeCifar10` as its Python version, which torchvision downloads. */
export async function makePythonCifar10(folder: string, records: number): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const [index, { name }] of cifar10Files(records).entries()) {
    await writeFile(join(folder, name.replace(".bin", "")), pythonBatch(cifar10FileBytes(index, records)));
  }
  await writeFile(join(folder, "batches.meta"), "what no reader opens");
}
