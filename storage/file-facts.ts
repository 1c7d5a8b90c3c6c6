import { stat } from "node:fs/promises";
import { diskError, systemCodeOf } from "./disk-error.ts";
import { objectsAt } from "./object-files.ts";
import { unlinkIfAny } from "./unlink-if-any.ts";

/** What is known of a file without reading it. */
export interface FileFacts {
  readonly bytes: number;
  /** When it was last written, milliseconds since 1970. */
  readonly modifiedMs: number;
}

/**
 * Size and time of a file, or undefined if there is none.
 * @throws Cifar5mError `disk/…`, `store/…`
 */
export async function readFileFactsIfAny(path: string): Promise<FileFacts | undefined> {
  const objects = objectsAt(path);
  if (objects !== undefined) return await objects.find(path);
  try {
    const { size, mtimeMs } = await stat(path);
    return { bytes: size, modifiedMs: mtimeMs };
  } catch (thrown) {
    if (systemCodeOf(thrown) === "ENOENT") return undefined;
    throw diskError(thrown, "read", path);
  }
}

/** Removes a file, if it exists. @throws Cifar5mError `disk/…`, `store/…` */
export async function removeFile(path: string): Promise<void> {
  const objects = objectsAt(path);
  if (objects !== undefined) await objects.remove(path);
  else {
    await unlinkIfAny(path).catch((thrown: unknown) => {
      throw diskError(thrown, "remove", path);
    });
  }
}
