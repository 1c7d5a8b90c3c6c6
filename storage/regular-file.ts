import { constants, type Stats } from "node:fs";
import { open, stat } from "node:fs/promises";
import { Cifar5mError } from "../core/errors.ts";
import { missingFile } from "./disk-error.ts";
import { objectsAt } from "./object-files.ts";

/** Opens for reading without waiting for a writer, where the file is a pipe. */
export const openForReading = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0);

/**
 * All bytes of a file, on this machine or in a bucket.
 * @throws Cifar5mError `disk/not-a-file`, `store/…`; the system's error: ENOENT for a missing object too
 */
export async function readRegularFile(path: string): Promise<Buffer> {
  const objects = objectsAt(path);
  if (objects !== undefined) {
    const bytes = await objects.read(path);
    if (bytes === undefined) throw missingFile(path);
    return bytes;
  }
  const handle = await open(path, openForReading);
  try {
    refuseSpecial(await handle.stat(), path);
    return await handle.readFile();
  } finally {
    await handle.close();
  }
}

/** Checks a file that the caller opens itself. @throws Cifar5mError `disk/not-a-file`; the system's error */
export async function requireRegularFile(path: string): Promise<void> {
  refuseSpecial(await stat(path), path);
}

/**
 * Refuses a file that has no end, or none until somebody writes to it. Folders pass: the system reports them to whoever
 * reads from them.
 * @throws Cifar5mError `disk/not-a-file`
 */
export function refuseSpecial(found: Stats, path: string): void {
  if (found.isFile() || found.isDirectory()) return;
  const what = found.isFIFO() ? "a pipe" : found.isSocket() ? "a socket" : "a device";
  throw new Cifar5mError(
    "disk/not-a-file",
    `${path} must be a file, it is ${what}. Save its output to a file, and name that file.`,
  );
}
