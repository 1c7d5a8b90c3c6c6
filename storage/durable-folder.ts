import { access, type FileHandle, mkdir, open } from "node:fs/promises";
import { dirname } from "node:path";
import { systemCodeOf } from "./disk-error.ts";

/** Whether something exists at a path. Throws the system's error if the system cannot tell. */
export async function pathExists(path: string): Promise<boolean> {
  try {
    await access(path);
    return true;
  } catch (thrown) {
    if (systemCodeOf(thrown) === "ENOENT") return false;
    throw thrown;
  }
}

/**
 * Makes a folder and its parents, durably: otherwise a power cut could lose them with everything that was committed in
 * them. Throws the system's error. (Node's own `recursive` never returns where a folder cannot hold others, as in
 * /proc.)
 */
export async function makeFolder(directory: string): Promise<void> {
  try {
    await mkdir(directory);
  } catch (thrown) {
    if (systemCodeOf(thrown) !== "ENOENT" || dirname(directory) === directory) {
      // If the path is a file, the caller gets the error when it opens something inside.
      if (await pathExists(directory)) return;
      throw thrown;
    }
    await makeFolder(dirname(directory));
    await makeLast(directory);
  }
  await syncFolder(dirname(directory));
}

/** Makes a folder whose parent exists. Another process may make it at the same time. */
async function makeLast(directory: string): Promise<void> {
  try {
    await mkdir(directory);
  } catch (thrown) {
    if (systemCodeOf(thrown) !== "EEXIST") throw thrown;
  }
}

/**
 * The codes by which file systems say that they lack a call: CIFS, 9p, the shared folders of virtual machines, FUSE.
 */
const unsupported = ["EINVAL", "ENOTSUP", "EOPNOTSUPP", "ENOSYS"];

/** Makes the bytes of a file durable, as far as its file system can. Throws the system's error if the disk fails. */
export async function syncFile(handle: FileHandle): Promise<void> {
  try {
    await handle.sync();
  } catch (thrown) {
    if (!unsupported.includes(systemCodeOf(thrown) ?? "")) throw thrown;
  }
}

/** Makes the names in a folder durable, as far as its file system can. Throws the system's error if the disk fails. */
export async function syncFolder(directory: string): Promise<void> {
  if (process.platform === "win32") return;
  try {
    const handle = await open(directory, "r");
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  } catch (thrown) {
    // EBADF: some systems sync only what is open for writing, and a folder cannot be.
    if (![...unsupported, "EBADF"].includes(systemCodeOf(thrown) ?? "")) throw thrown;
  }
}
