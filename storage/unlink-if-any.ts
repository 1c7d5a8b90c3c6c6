import { unlink } from "node:fs/promises";
import { systemCodeOf } from "./disk-error.ts";

/**
 * Removes a file on this machine, if it exists. For a file that it may not remove, `rm` of Node 20 throws ENOTDIR, which
 * says something else.
 */
export async function unlinkIfAny(path: string): Promise<void> {
  await unlink(path).catch((thrown: unknown) => {
    if (systemCodeOf(thrown) !== "ENOENT") throw thrown;
  });
}
