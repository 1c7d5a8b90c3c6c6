import { diskError, systemCodeOf } from "./disk-error.ts";
import { readRegularFile } from "./regular-file.ts";

/**
 * The text of a file, or undefined if there is none.
 * @throws Cifar5mError `disk/…`
 */
export async function readTextIfAny(path: string): Promise<string | undefined> {
  try {
    return (await readRegularFile(path)).toString("utf8");
  } catch (thrown) {
    if (systemCodeOf(thrown) === "ENOENT") return undefined;
    throw diskError(thrown, "read", path);
  }
}
