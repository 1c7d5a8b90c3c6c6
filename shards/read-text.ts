import { readFile } from "node:fs/promises";
import { diskError, systemCodeOf } from "./disk-error.ts";

/**
 * The text of a file, or undefined if there is none.
 * @throws BuilderError `disk/…`
 */
export async function readTextIfAny(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (thrown) {
    if (systemCodeOf(thrown) === "ENOENT") return undefined;
    throw diskError(thrown, "read", path);
  }
}
