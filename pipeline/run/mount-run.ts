import { mountObjects } from "../../storage/object-files.ts";
import { cleanSpool } from "../../storage/spool.ts";

/**
 * Makes a run that is in a bucket usable like one in a folder, for this process.
 * @param location - `s3://bucket/prefix`
 * @param signal - ends waits for a server that is away
 * @returns the root of the run folder, for `runFolderAt`
 * @throws Cifar5mError `store/…`, `disk/…`
 */
export async function mountRun(location: string, signal?: AbortSignal): Promise<string> {
  const { openS3Files } = await import("../../shards/remote/open-s3-files.ts");
  const files = await openS3Files(location, {}, { signal });
  mountObjects(files);
  await cleanSpool();
  return files.root;
}
