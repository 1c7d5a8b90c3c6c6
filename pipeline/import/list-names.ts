import { readdir } from "node:fs/promises";
import { diskError, systemCodeOf } from "../../storage/disk-error.ts";

/** Files that file managers and archivers leave in a folder, apart from hidden files. */
const leftovers = new Set(["__macosx", "thumbs.db", "ehthumbs.db", "desktop.ini", "@eadir", "icon\r", "$recycle.bin"]);

/**
 * Names in a folder, sorted by code units, without hidden files and the leftovers of file managers. Empty if the folder
 * does not exist.
 */
export async function listNames(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder)).filter(isUserFile).sort();
  } catch (thrown) {
    if (systemCodeOf(thrown) === "ENOENT" || systemCodeOf(thrown) === "ENOTDIR") return [];
    throw diskError(thrown, "read", folder);
  }
}

function isUserFile(name: string): boolean {
  return !name.startsWith(".") && !leftovers.has(name.toLowerCase());
}
