import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { BuilderError } from "../core/errors.ts";

/** Where a data set lies. */
export type Location =
  | { readonly kind: "folder"; readonly directory: string }
  | { readonly kind: "http" | "s3"; readonly url: string };

/**
 * Tells folders, `file:` URLs and remote locations apart.
 * @throws BuilderError `store/bad-location` for a scheme that nothing here reads, and for an empty text
 */
export function parseLocation(location: string): Location {
  if (location.trim() === "") {
    throw new BuilderError("store/bad-location", "a location must be a folder or a URL, got an empty text. Name one.");
  }
  // One letter is a Windows drive.
  const scheme = /^([a-z][a-z0-9+.-]+):/i.exec(location)?.[1]?.toLowerCase();
  if (scheme === "http" || scheme === "https") return { kind: "http", url: location };
  if (scheme === "s3") {
    parseS3Location(location);
    return { kind: "s3", url: location };
  }
  if (scheme === "file") return { kind: "folder", directory: fileURLToPath(location) };
  if (scheme === undefined || !location.startsWith(`${scheme}://`))
    return { kind: "folder", directory: resolve(location) };
  throw new BuilderError(
    "store/bad-location",
    `${location} must be a folder, or begin with file://, http://, https:// or s3://, got ${scheme}://. Use one of these.`,
  );
}

/**
 * @returns prefix: without slashes at the end
 * @throws BuilderError `store/bad-location`
 */
export function parseS3Location(location: string): { readonly bucket: string; readonly prefix: string } {
  const [, bucket, path = ""] = /^s3:\/\/([a-z0-9][a-z0-9.-]+)(?:\/([^?#]*))?$/.exec(location) ?? [];
  if (bucket !== undefined) return { bucket, prefix: path.replace(/\/+$/, "") };
  throw new BuilderError(
    "store/bad-location",
    `an S3 location must be like s3://bucket/prefix, got ${location}. Correct it.`,
  );
}
