import { createHash } from "node:crypto";
import { open } from "node:fs/promises";
import { diskError } from "./disk-error.ts";
import { objectsAt } from "./object-files.ts";
import { openForReading, readRegularFile, refuseSpecial } from "./regular-file.ts";
import { sha256 as hashBytes } from "./sha256.ts";

/**
 * sha256 and size of a file, which is read in pieces of 1 MiB; an object of a bucket is read at once.
 * @throws Cifar5mError `disk/…`
 */
export async function hashFile(path: string): Promise<{ readonly sha256: string; readonly bytes: number }> {
  try {
    if (objectsAt(path) !== undefined) {
      const data = await readRegularFile(path);
      return { sha256: hashBytes(data), bytes: data.byteLength };
    }
    const handle = await open(path, openForReading);
    try {
      refuseSpecial(await handle.stat(), path);
      const hash = createHash("sha256");
      const piece = Buffer.allocUnsafe(1 << 20);
      let bytes = 0;
      for (;;) {
        const { bytesRead } = await handle.read(piece, 0, piece.length, bytes);
        if (bytesRead === 0) return { sha256: hash.digest("hex"), bytes };
        hash.update(piece.subarray(0, bytesRead));
        bytes += bytesRead;
      }
    } finally {
      await handle.close();
    }
  } catch (thrown) {
    throw diskError(thrown, "read", path);
  }
}
