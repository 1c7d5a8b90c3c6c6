import { readdir, stat } from "node:fs/promises";
import { diskError, systemCodeOf } from "../../storage/disk-error.ts";

/** @throws Cifar5mError `disk/…` if there is nothing at the path */
export async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch (thrown) {
    throw diskError(thrown, "read", path);
  }
}

/** What file managers and archivers leave beside one's own files; hidden files apart. */
const leftovers = new Set(["__macosx", "thumbs.db", "ehthumbs.db", "desktop.ini", "@eadir", "icon\r", "$recycle.bin"]);

/**
 * Names in a folder, sorted by code units, without hidden ones and what file managers leave; none if there is no such
 * folder.
 */
export async function listNames(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder)).filter(isOwn).sort();
  } catch (thrown) {
    if (systemCodeOf(thrown) === "ENOENT" || systemCodeOf(thrown) === "ENOTDIR") return [];
    throw diskError(thrown, "read", folder);
  }
}

function isOwn(name: string): boolean {
  return !name.startsWith(".") && !leftovers.has(name.toLowerCase());
}
