import { createHash } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { cifar10Files } from "../../pipeline/cifar-10/cifar-10-files.ts";

/** Records of each file of the sets that tests make. */
export const recordsPerFile = 6;

/** The bytes of file `index` of a synthetic set: labels in turn, pixels that look like noise and repeat nowhere. */
export function cifar10FileBytes(index: number, records = recordsPerFile): Uint8Array {
  const parts: Uint8Array[] = [];
  for (let record = 0; record < records; record++) {
    parts.push(Uint8Array.of((index * records + record) % 10), noiseBytes(`cifar ${index} ${record}`, 3072));
  }
  return Buffer.concat(parts);
}

/** Writes a synthetic set in the official binary layout. */
export async function makeCifar10(folder: string, records = recordsPerFile): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const [index, { name }] of cifar10Files(records).entries()) {
    await writeFile(join(folder, name), cifar10FileBytes(index, records));
  }
}

/** Bytes that are a pure function of a text. */
export function noiseBytes(text: string, length: number): Uint8Array {
  const blocks: Uint8Array[] = [];
  for (let block = 0; block * 64 < length; block++) {
    blocks.push(createHash("sha512").update(`${text} ${block}`).digest());
  }
  return Buffer.concat(blocks).subarray(0, length);
}
