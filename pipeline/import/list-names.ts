import { readdir, stat } from "node:fs/promises";
import { diskError, systemCodeOf } from "../../shards/index.ts";

/** @throws BuilderError `disk/…` if there is nothing at the path */
export async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch (thrown) {
    throw diskError(thrown, "read", path);
  }
}

/** Names in a folder, sorted by code units, hidden ones left out; none if there is no such folder. */
export async function listNames(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder)).filter((name) => !name.startsWith(".")).sort();
  } catch (thrown) {
    if (systemCodeOf(thrown) === "ENOENT" || systemCodeOf(thrown) === "ENOTDIR") return [];
    throw diskError(thrown, "read", folder);
  }
}
