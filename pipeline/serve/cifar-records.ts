import { open, stat } from "node:fs/promises";
import { join } from "node:path";
import { chwToHwc, imageBytes } from "../../core/image-layout.ts";
import { cifar10Files, recordBytes } from "../cifar-10/cifar-10-files.ts";

/** A split of CIFAR-10. */
export type CifarSplit = "train" | "test";

/**
 * Reads one image of a folder with CIFAR-10 in the official binary layout.
 * @returns uint8, shape [32, 32, 3]; undefined if the folder does not hold it
 */
export async function readCifarImage(
  folder: string,
  split: CifarSplit,
  index: number,
): Promise<Uint8Array | undefined> {
  // Sets with the same layout may have another number of records.
  const first = await stat(join(folder, cifar10Files()[0]!.name)).catch(() => undefined);
  const recordsPerFile = Math.floor((first?.size ?? 0) / recordBytes);
  const file = cifar10Files(recordsPerFile).find(
    ({ split: of, recordStart, numRecords }) =>
      of === split && index >= recordStart && index < recordStart + numRecords,
  );
  if (file === undefined) return undefined;
  const record = await readPart(join(folder, file.name), (index - file.recordStart) * recordBytes, recordBytes);
  if (record === undefined) return undefined;
  const image = new Uint8Array(imageBytes);
  chwToHwc(record.subarray(1), image);
  return image;
}

/** Bytes of a file. @returns undefined if it is not there, or ends before */
export async function readPart(path: string, position: number, length: number): Promise<Uint8Array | undefined> {
  const handle = await open(path).catch(() => undefined);
  if (handle === undefined) return undefined;
  try {
    if (!(await handle.stat()).isFile()) return undefined;
    const { buffer, bytesRead } = await handle.read(new Uint8Array(length), 0, length, position);
    return bytesRead === length ? buffer : undefined;
  } finally {
    await handle.close();
  }
}
