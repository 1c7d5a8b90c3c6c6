/**
 * How a file comes into being, so that a visible name always holds whole, durable bytes: a temporary in the same
 * folder, hashed while written → fsync → link to the final name → fsync of the folder. In a bucket, where whole objects
 * appear, a conditional write does the same.
 */

import { createHash } from "node:crypto";
import { type FileHandle, link, open, rename } from "node:fs/promises";
import { dirname } from "node:path";
import { commitObject, replaceObject } from "./commit-object.ts";
import type { Committed, CommitWriter, Written } from "./commit-sink.ts";
import { diskError, systemCodeOf } from "./disk-error.ts";
import { makeFolder, pathExists, syncFile, syncFolder } from "./durable-folder.ts";
import { requirePath } from "./join-path.ts";
import { objectsAt } from "./object-files.ts";
import { heartbeatMs, nameTemporary, removeTemporary, touchTemporary } from "./temporary-file.ts";

export type { CommitSink, Committed, CommitWriter, Written } from "./commit-sink.ts";

/**
 * Publishes a new file. The file appears under its name with all its bytes, or not at all. An existing file is never
 * changed. Missing folders are made.
 * @param write - appends the bytes; if it throws, nothing becomes visible
 * @param options.onExisting - called if the name exists: `keep` (default) or `replace` that file. Not for a bucket, which
 *   keeps it
 * @param options.withoutLinks - gives the file its name where the file system has no hard links. By default the file is
 *   renamed if the name is free, and two writers at the same instant replace each other's file
 * @throws Cifar5mError `disk/…` if the disk is full, read-only, …; `store/…`; what `write` throws
 */
export async function commitFile(
  path: string,
  write: CommitWriter,
  options: {
    readonly onExisting?: (ours: Written) => Promise<"keep" | "replace">;
    readonly withoutLinks?: () => Committed["outcome"];
  } = {},
): Promise<Committed> {
  const objects = objectsAt(path);
  if (objects !== undefined) return await commitObject(objects, path, write);
  return await writeThenPublish(path, write, async (temporary, ours) => {
    const outcome = await linkUnlessExists(temporary, path, options.withoutLinks);
    if (outcome === "committed" || (await options.onExisting?.(ours)) !== "replace") return outcome;
    await rename(temporary, path);
    return "committed";
  });
}

/** `commitFile` for bytes in memory. */
export async function commitBytes(path: string, data: Uint8Array | string): Promise<Committed> {
  return await commitFile(path, (sink) => sink.write(data));
}

/**
 * `commitFile` for a file that may change (a pointer to the newest checkpoint, a manifest published again): readers see
 * the old bytes or the new, never a mixture.
 * @param options.check - checks what was written; if it throws, nothing becomes visible
 * @param options.onChecked - called before the file gets its name, with the name it has until then: what opens it there can
 *   read it even if others remove it at once. Not for a bucket
 * @throws Cifar5mError `disk/…` if the disk is full, read-only, …; what `write`, `check` and `onChecked` throw
 */
export async function replaceFile(
  path: string,
  write: CommitWriter,
  options: { readonly check?: (written: Written) => void; readonly onChecked?: (temporary: string) => void } = {},
): Promise<Committed> {
  const objects = objectsAt(path);
  if (objects !== undefined) return await replaceObject(objects, path, write, options);
  return await writeThenPublish(path, write, async (temporary, written) => {
    options.check?.(written);
    options.onChecked?.(temporary);
    await rename(temporary, path);
    return "committed";
  });
}

/** `replaceFile` for bytes in memory. */
export async function replaceBytes(path: string, data: Uint8Array | string): Promise<Committed> {
  return await replaceFile(path, (sink) => sink.write(data));
}

type Publish = (temporary: string, written: Written) => Promise<Committed["outcome"]>;

/** How many times a temporary file that somebody removed is written again. */
const maxRewrites = 3;

async function writeThenPublish(path: string, write: CommitWriter, publish: Publish): Promise<Committed> {
  requirePath(path);
  let temporary = nameTemporary(path);
  let handle: FileHandle | undefined;
  try {
    await makeFolder(dirname(path));
    handle = await open(temporary, "wx+");
    const written = await writeTemporary(handle, write);
    for (let rewrites = 0; ; rewrites++) {
      const outcome = await publish(temporary, written).catch(async (thrown: unknown) => {
        const isLost = systemCodeOf(thrown) === "ENOENT" && !(await pathExists(temporary));
        if (!isLost || rewrites === maxRewrites) throw thrown;
        return "lost" as const;
      });
      if (outcome !== "lost") {
        await handle.close();
        await removeTemporary(temporary);
        await syncFolder(dirname(path));
        return { ...written, outcome };
      }
      temporary = nameTemporary(path);
      handle = await copyLost(handle, temporary);
    }
  } catch (thrown) {
    // The first error is the one to report. `removeStaleTemporaries` finds a temporary file that cannot be removed
    // here.
    await handle?.close().catch(() => undefined);
    await removeTemporary(temporary).catch(() => undefined);
    throw diskError(thrown, "write", path);
  }
}

async function writeTemporary(handle: FileHandle, write: CommitWriter): Promise<Written> {
  const hash = createHash("sha256");
  let bytes = 0;
  const heartbeat = setInterval(() => void touchTemporary(handle), heartbeatMs).unref();
  try {
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
  } finally {
    clearInterval(heartbeat);
  }
  await syncFile(handle);
  return { bytes, sha256: hash.digest("hex") };
}

/**
 * Copies the bytes of a file that somebody removed, alone or with its folder. A cleaner of old files, an older version
 * of this program in another container or a person who empties a cache may do so. The bytes exist as long as the file
 * is open.
 * @returns the copy; the removed file is closed
 */
async function copyLost(lost: FileHandle, path: string): Promise<FileHandle> {
  await makeFolder(dirname(path));
  const copy = await open(path, "wx+");
  try {
    const piece = Buffer.allocUnsafe(1 << 20);
    for (let position = 0; ; ) {
      const { bytesRead } = await lost.read(piece, 0, piece.length, position);
      if (bytesRead === 0) break;
      await writeAll(copy, piece.subarray(0, bytesRead));
      position += bytesRead;
    }
    await syncFile(copy);
    await lost.close();
    return copy;
  } catch (thrown) {
    await copy.close();
    throw thrown;
  }
}

async function writeAll(handle: FileHandle, chunk: Uint8Array): Promise<void> {
  for (let start = 0; start < chunk.byteLength; ) {
    start += (await handle.write(chunk, start)).bytesWritten;
  }
}

/** Errors of `link` that do not mean that the file system lacks hard links. */
const failuresOfLink = ["EIO", "ENOENT", "ENOSPC", "EDQUOT", "EROFS", "ESTALE"];

async function linkUnlessExists(
  temporary: string,
  path: string,
  withoutLinks: (() => Committed["outcome"]) | undefined,
): Promise<Committed["outcome"]> {
  try {
    await link(temporary, path);
    return "committed";
  } catch (thrown) {
    const systemCode = systemCodeOf(thrown) ?? "";
    if (systemCode === "EEXIST") return "kept-existing";
    if (failuresOfLink.includes(systemCode)) throw thrown;
  }
  // File systems without hard links report that in many ways. If the disk has failed, the other ways fail too and give the
  // reason.
  if (withoutLinks !== undefined) return withoutLinks();
  if (await pathExists(path)) return "kept-existing";
  await rename(temporary, path);
  return "committed";
}
