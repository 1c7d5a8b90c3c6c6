import { join, resolve } from "node:path";

const location = /^[a-z][a-z0-9+.-]+:\/\//;

/** A path without what depends on the working directory; a location stays as it is. */
export function absolutePath(path: string): string {
  return location.test(path) ? path : resolve(path);
}

/**
 * Joins names to a folder's path, or to a location such as `s3://bucket/prefix`, whose two slashes `join` of Node would
 * make one.
 */
export function joinPath(root: string, ...names: readonly string[]): string {
  return location.test(root) ? [root, ...names].join("/") : join(root, ...names);
}
