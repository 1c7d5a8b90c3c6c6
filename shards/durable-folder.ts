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

/** Makes a folder and those above it, durably. Throws the system's error. */
export async function makeFolder(directory: string): Promise<void> {
  const firstMade = await mkdir(directory, { recursive: true }).catch(async (thrown: unknown) => {
    // On a read-only file system Node says ENOENT here; a plain mkdir tells the reason.
    if (systemCodeOf(thrown) === "ENOENT") await mkdir(await firstMissing(directory));
    throw thrown;
  });
  // Without this a power cut could forget the new folder and all that was committed in it.
  for (let made = directory; firstMade !== undefined && made.length >= firstMade.length; made = dirname(made)) {
    await syncFolder(dirname(made));
  }
}

/** The topmost part of a path that does not exist. */
async function firstMissing(directory: string): Promise<string> {
  const parent = dirname(directory);
  return parent === directory || (await pathExists(parent)) ? directory : await firstMissing(parent);
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
