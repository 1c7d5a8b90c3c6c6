import { join, resolve } from "node:path";
import { Cifar5mError } from "../core/errors.ts";
import { hideSecrets } from "./parse-location.ts";

const location = /^[a-z][a-z0-9+.-]+:\/\//;

/** Whether a string names a place such as `s3://bucket/prefix`, not a folder of this machine. */
export function isLocation(path: string): boolean {
  return location.test(path);
}

/** A path without what depends on the working directory; a location stays as it is. */
export function absolutePath(path: string): string {
  return isLocation(path) ? path : resolve(path);
}

/**
 * Refuses a location, of which the system would make a folder named after its scheme.
 * @throws Cifar5mError `store/bad-location`
 */
export function requirePath(path: string): void {
  if (!isLocation(path)) return;
  throw new Cifar5mError(
    "store/bad-location",
    `a file is written to a path on this machine, got ${hideSecrets(path)}. Write it to a path, and upload it from there.`,
  );
}

/**
 * Joins names to a folder's path, or to a location such as `s3://bucket/prefix`, whose two slashes `join` of Node would
 * make one.
 */
export function joinPath(root: string, ...names: readonly string[]): string {
  return isLocation(root) ? [root, ...names].join("/") : join(root, ...names);
}
