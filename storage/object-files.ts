import type { Readable } from "node:stream";

/** What a bucket knows of an object. */
export interface ObjectFacts {
  readonly bytes: number;
  /** Changes with the bytes. */
  readonly version: string;
  /** Milliseconds since 1970. */
  readonly modifiedMs: number;
  /** The note that was written with it. */
  readonly note: string | undefined;
}

/** The bytes of an object to write. */
export interface ObjectData {
  readonly bytes: number;
  /** Hexadecimal. */
  readonly sha256: string;
  /** Hexadecimal. */
  readonly md5: string;
  /** The bytes from the first on. It is called again for another attempt. A stream may fail with a Cifar5mError `disk/…`. */
  open(): Uint8Array | Readable;
}

/** When an object may be written: only under a new name, or only in place of the version that was seen. */
export type WriteCondition = "if-absent" | { readonly ifVersion: string };

/**
 * The objects of a bucket below a prefix. An object appears whole or not at all, and of several conditional writes one
 * alone succeeds, so whoever can do this can hold a run. Paths begin with `root`.
 */
export interface ObjectFiles {
  /** `s3://bucket/prefix`, without a slash at the end. */
  readonly root: string;
  /** @returns undefined if there is no such object */
  find(path: string): Promise<ObjectFacts | undefined>;
  /** All bytes. @returns undefined if there is no such object */
  read(path: string): Promise<Buffer | undefined>;
  /**
   * @param options.condition - without one, an object of this name is replaced
   * @param options.note - a short text in ASCII, kept beside the bytes
   * @returns false if the condition was not met, and nothing was written
   */
  write(
    path: string,
    data: ObjectData,
    options?: { readonly condition?: WriteCondition; readonly note?: string },
  ): Promise<boolean>;
  /** Removes an object, if it exists. */
  remove(path: string): Promise<void>;
  /** The names directly below a path, of objects and of longer paths; in any order. */
  list(path: string): Promise<string[]>;
}

/** Whether a run is named that is in a bucket. */
export function isBucket(run: string): boolean {
  return run.startsWith("s3://");
}

const mounted = new Map<string, ObjectFiles>();

/**
 * From now on, the functions of `storage/` read and write paths below `files.root` in a bucket. What makes a data set uses
 * no others, so it need not know where its run is.
 */
export function mountObjects(files: ObjectFiles): void {
  mounted.set(files.root, files);
}

/** The bucket that a path is in; undefined for a path on this machine. */
export function objectsAt(path: string): ObjectFiles | undefined {
  if (mounted.size === 0) return undefined;
  for (const [root, files] of mounted) if (path === root || path.startsWith(`${root}/`)) return files;
  return undefined;
}
