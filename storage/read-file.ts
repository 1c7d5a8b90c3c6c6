import { diskError, systemCodeOf } from "./disk-error.ts";
import { pathExists } from "./durable-folder.ts";
import { objectsAt } from "./object-files.ts";
import { readRegularFile } from "./regular-file.ts";

/** @throws Cifar5mError `disk/…` */
export async function readWholeFile(path: string): Promise<Buffer> {
  try {
    return await readRegularFile(path);
  } catch (thrown) {
    throw diskError(thrown, "read", path);
  }
}

/**
 * The bytes of a file, or undefined if there is none.
 * @throws Cifar5mError `disk/…`
 */
export async function readFileIfAny(path: string): Promise<Buffer | undefined> {
  try {
    return await readRegularFile(path);
  } catch (thrown) {
    if (systemCodeOf(thrown) === "ENOENT") return undefined;
    throw diskError(thrown, "read", path);
  }
}

/** @throws Cifar5mError `disk/…` if the file cannot be seen for another reason than that it does not exist */
export async function fileExists(path: string): Promise<boolean> {
  const objects = objectsAt(path);
  if (objects !== undefined) return (await objects.find(path)) !== undefined;
  try {
    return await pathExists(path);
  } catch (thrown) {
    throw diskError(thrown, "read", path);
  }
}
