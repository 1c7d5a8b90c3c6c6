import { mountObjects } from "../../storage/object-files.ts";
import { cleanSpool } from "../../storage/spool.ts";

/**
 * Makes a run that is in a bucket usable like one in a folder, for this process.
 * @param location - `s3://bucket/prefix`
 * @param options.writes - whether anything will be written there
 * @returns the root of the run folder, for `runFolderAt`
 * @throws Cifar5mError `store/…`: no such bucket, no right to write, a server that does not keep conditions
 */
export async function mountRun(location: string, options: { readonly writes: boolean }): Promise<string> {
  const { openS3Files } = await import("../../shards/remote/open-s3-files.ts");
  const files = await openS3Files(location, options);
  mountObjects(files);
  if (options.writes) await cleanSpool();
  return files.root;
}
