import { access, type FileHandle, mkdir, open } from "node:fs/promises";
import { dirname } from "node:path";
import { systemCodeOf } from "./disk-error.ts";

/** Whether something is there. Throws the system's error where that cannot be told. */
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
 * Makes a folder and those above it, durably: a power cut could forget them, and all that was committed in them. Throws the
 * system's error. (Node's own `recursive` never ends where a folder has no room for others, as in /proc.)
 */
export async function makeFolder(directory: string): Promise<void> {
  try {
    await mkdir(directory);
  } catch (thrown) {
    if (systemCodeOf(thrown) !== "ENOENT" || dirname(directory) === directory) {
      // If it is a file, whoever opens something in it is told.
      if (await pathExists(directory)) return;
      throw thrown;
    }
    await makeFolder(dirname(directory));
    await makeLast(directory);
  }
  await syncFolder(dirname(directory));
}

/** A folder whose parent is there; another process may make it at the same time. */
async function makeLast(directory: string): Promise<void> {
  try {
    await mkdir(directory);
  } catch (thrown) {
    if (systemCodeOf(thrown) !== "EEXIST") throw thrown;
  }
}

/** How a file system says that it has no such call: CIFS, 9p, the shared folders of virtual machines, FUSE. */
const unsupported = ["EINVAL", "ENOTSUP", "EOPNOTSUPP", "ENOSYS"];

/** Makes the bytes of a file durable, as far as its file system can. Throws the system's error where the disk failed. */
export async function syncFile(handle: FileHandle): Promise<void> {
  try {
    await handle.sync();
  } catch (thrown) {
    if (!unsupported.includes(systemCodeOf(thrown) ?? "")) throw thrown;
  }
}

/** Makes the names in a folder durable, as far as its file system can. Throws the system's error where the disk failed. */
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
    // EBADF: there are systems that sync only what is open for writing, which a folder cannot be.
    if (![...unsupported, "EBADF"].includes(systemCodeOf(thrown) ?? "")) throw thrown;
  }
}
