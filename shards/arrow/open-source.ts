import { objectsAt } from "../../storage/object-files.ts";
import { readWholeFile } from "../../storage/read-file.ts";
import { type FileSource, toByteSource } from "./byte-source.ts";
import { openFileSource } from "./file-source.ts";

/**
 * Opens a file for reading at any position: one of this machine, or one in a bucket, which is then held in memory.
 * @throws Cifar5mError `disk/…`, `store/…`
 */
export async function openSource(path: string): Promise<FileSource> {
  if (objectsAt(path) === undefined) return openFileSource(path);
  const bytes = await readWholeFile(path);
  return { ...toByteSource(bytes, path), isRemoved: () => false, close: () => undefined };
}
