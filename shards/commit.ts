/**
 * How a file comes into being, so that a visible name always holds whole, durable bytes: a temporary in the same
 * folder, hashed while written → fsync → link to the final name → fsync of the folder.
 */

import { createHash } from "node:crypto";
import { access, type FileHandle, link, mkdir, open, rename } from "node:fs/promises";
import { dirname } from "node:path";
import { diskError, systemCodeOf } from "./disk-error.ts";
import { nameTemporary, removeTemporary } from "./temporary-file.ts";

/** Where a writer puts the bytes of one file, in order. */
export interface CommitSink {
  /** Appends; the bytes may be reused once the promise is fulfilled. A text is written as UTF-8. */
  write(data: Uint8Array | string): Promise<void>;
  /** Bytes appended so far. */
  readonly bytes: number;
}

/** What was written. */
export interface Written {
  readonly bytes: number;
  /** Hexadecimal sha256 of the bytes that were written here, also when an existing file was kept instead. */
  readonly sha256: string;
}

/** What was committed. */
export interface Committed extends Written {
  /** `kept-existing`: the name existed, another worker was first; the new bytes were thrown away. */
  readonly outcome: "committed" | "kept-existing";
}

export type CommitWriter = (sink: CommitSink) => Promise<void> | void;

/**
 * Publishes a new file. It appears under its name with all its bytes, or not at all; a file that exists is never
 * changed. Missing folders are made.
 * @param write - appends the bytes; if it throws, nothing becomes visible
 * @param options.onExisting - asked when the name exists: `keep` (default) or `replace` that file
 * @throws BuilderError `disk/…` if the disk is full, read-only, …; what `write` throws
 */
export async function commitFile(
  path: string,
  write: CommitWriter,
  options: { readonly onExisting?: (ours: Written) => Promise<"keep" | "replace"> } = {},
): Promise<Committed> {
  return await writeThenPublish(path, write, async (temporary, ours) => {
    const outcome = await linkUnlessExists(temporary, path);
    if (outcome === "committed" || (await options.onExisting?.(ours)) !== "replace") return outcome;
    await rename(temporary, path);
    return "committed";
  });
}

/** `commitFile` for bytes at hand. */
export async function commitBytes(path: string, data: Uint8Array | string): Promise<Committed> {
  return await commitFile(path, (sink) => sink.write(data));
}

/**
 * `commitFile` for a file that legitimately changes (a pointer to the newest checkpoint, a manifest published again):
 * readers see the old bytes or the new, never a mixture.
 * @param options.check - looks at what was written; if it throws, nothing becomes visible
 * @throws BuilderError `disk/…` if the disk is full, read-only, …; what `write` and `check` throw
 */
export async function replaceFile(
  path: string,
  write: CommitWriter,
  options: { readonly check?: (written: Written) => void } = {},
): Promise<Committed> {
  return await writeThenPublish(path, write, async (temporary, written) => {
    options.check?.(written);
    await rename(temporary, path);
    return "committed";
  });
}

/** `replaceFile` for bytes at hand. */
export async function replaceBytes(path: string, data: Uint8Array | string): Promise<Committed> {
  return await replaceFile(path, (sink) => sink.write(data));
}

type Publish = (temporary: string, written: Written) => Promise<Committed["outcome"]>;

async function writeThenPublish(path: string, write: CommitWriter, publish: Publish): Promise<Committed> {
  const temporary = nameTemporary(path);
  try {
    await makeFolder(dirname(path));
    const written = await writeTemporary(temporary, write);
    const outcome = await publish(temporary, written);
    await removeTemporary(temporary);
    await syncFolder(dirname(path));
    return { ...written, outcome };
  } catch (thrown) {
    // The first error is the one to tell; a temporary that cannot be removed is found by removeStaleTemporaries.
    await removeTemporary(temporary).catch(() => undefined);
    throw diskError(thrown, "write", path);
  }
}

async function writeTemporary(temporary: string, write: CommitWriter): Promise<Written> {
  const handle = await open(temporary, "wx");
  try {
    const hash = createHash("sha256");
    let bytes = 0;
    await write({
      get bytes() {
        return bytes;
      },
      async write(data) {
        const chunk = typeof data === "string" ? Buffer.from(data) : data;
        hash.update(chunk);
        bytes += chunk.byteLength;
        await writeAll(handle, chunk);
      },
    });
    await handle.sync();
    return { bytes, sha256: hash.digest("hex") };
  } finally {
    await handle.close();
  }
}

async function writeAll(handle: FileHandle, chunk: Uint8Array): Promise<void> {
  for (let start = 0; start < chunk.byteLength; ) {
    start += (await handle.write(chunk, start)).bytesWritten;
  }
}

async function linkUnlessExists(temporary: string, path: string): Promise<Committed["outcome"]> {
  try {
    await link(temporary, path);
    return "committed";
  } catch (thrown) {
    const systemCode = systemCodeOf(thrown) ?? "";
    if (systemCode === "EEXIST") return "kept-existing";
    if (!["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EMLINK"].includes(systemCode)) throw thrown;
  }
  // A file system without hard links: renaming is as atomic, but two writers at the same instant replace each other.
  if (await exists(path)) return "kept-existing";
  await rename(temporary, path);
  return "committed";
}

async function exists(path: string): Promise<boolean> {
  try {
    await access(path);
    return true;
  } catch (thrown) {
    if (systemCodeOf(thrown) === "ENOENT") return false;
    throw thrown;
  }
}

async function makeFolder(directory: string): Promise<void> {
  const firstMade = await mkdir(directory, { recursive: true }).catch(async (thrown: unknown) => {
    // On a read-only file system Node says ENOENT here; a plain mkdir tells the reason.
    if (systemCodeOf(thrown) === "ENOENT") await mkdir(await firstMissing(directory));
    throw thrown;
  });
  // Without this a power cut could forget the new folder and all that was committed in it.
  for (let made = directory; firstMade !== undefined && made.length >= firstMade.length; made = dirname(made)) {
    await syncFolder(dirname(made));
  }
}

/** The topmost part of a path that does not exist. */
async function firstMissing(directory: string): Promise<string> {
  const parent = dirname(directory);
  return parent === directory || (await exists(parent)) ? directory : await firstMissing(parent);
}

async function syncFolder(directory: string): Promise<void> {
  if (process.platform === "win32") return;
  const handle = await open(directory, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
