import { Cifar5mError } from "../../core/errors.ts";
import { hideSecrets, parseLocation } from "../../storage/parse-location.ts";
import type { S3Options } from "../remote/s3-options.ts";
import { folderTarget } from "./folder-target.ts";
import type { UploadTarget } from "./upload-target.ts";

/**
 * Checks the location of an upload target, without touching it.
 * @throws Cifar5mError `store/bad-location`
 */
export function requireTarget(location: string): void {
  if (parseLocation(location).kind !== "http") return;
  throw new Cifar5mError(
    "store/bad-location",
    `a data set is published to s3://bucket/prefix or to a folder, got ${hideSecrets(location)}. Publish to a folder that the web server serves.`,
  );
}

/** @throws Cifar5mError `store/bad-location` */
export async function openTarget(location: string, options: { readonly s3?: S3Options } = {}): Promise<UploadTarget> {
  requireTarget(location);
  const parsed = parseLocation(location);
  if (parsed.kind === "folder") return folderTarget(parsed.directory);
  const { openS3Folder } = await import("../remote/s3-client.ts");
  const { s3Target } = await import("./s3-target.ts");
  return s3Target(await openS3Folder(parsed.url, options.s3));
}
