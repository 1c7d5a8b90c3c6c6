import { readdir, stat } from "node:fs/promises";
import { diskError, systemCodeOf } from "./disk-error.ts";
import { objectsAt } from "./object-files.ts";

/**
 * The names in a folder, in any order; none if there is no such folder.
 * @throws Cifar5mError `disk/…`
 */
export async function listFolder(folder: string): Promise<string[]> {
  const objects = objectsAt(folder);
  if (objects !== undefined) return await objects.list(folder);
  try {
    return await readdir(folder);
  } catch (thrown) {
    if (systemCodeOf(thrown) === "ENOENT") return [];
    throw diskError(thrown, "read", folder);
  }
}

/**
 * Whether a path is a folder. In a bucket every path is one.
 * @throws Cifar5mError `disk/…` if nothing exists at the path
 */
export async function isFolder(path: string): Promise<boolean> {
  if (objectsAt(path) !== undefined) return true;
  try {
    return (await stat(path)).isDirectory();
  } catch (thrown) {
    throw diskError(thrown, "read", path);
  }
}

/**
 * Whether a file exists at a path, or an object of a bucket. A folder does not count.
 * @throws Cifar5mError `disk/…` if the system cannot tell
 */
export async function isFile(path: string): Promise<boolean> {
  const objects = objectsAt(path);
  if (objects !== undefined) return (await objects.find(path)) !== undefined;
  try {
    return !(await stat(path)).isDirectory();
  } catch (thrown) {
    if (systemCodeOf(thrown) === "ENOENT") return false;
    throw diskError(thrown, "read", path);
  }
}
