import { randomBytes } from "node:crypto";
import { type FileHandle, readdir, stat } from "node:fs/promises";
import { hostname } from "node:os";
import { basename, dirname, join } from "node:path";
import { diskError, systemCodeOf } from "./disk-error.ts";
import { objectsAt } from "./object-files.ts";
import { isRunning, thisProcess, visibleProcesses } from "./process-identity.ts";
import { unlinkIfAny } from "./unlink-if-any.ts";

/** A temporary file that nobody wrote to for this long has no living writer on any machine: see `heartbeatMs`. */
const staleMs = 24 * 3_600_000;

/** A writer touches its temporary file this often, even while it has nothing to write. */
export const heartbeatMs = 3_600_000;

/** The host name, for people who wonder where a file comes from. */
const host = hostname()
  .replaceAll(/[^A-Za-z0-9-]/g, "-")
  .slice(0, 32);
const pattern = /^\..+\.tmp~/;
const ownersPattern = /~([0-9a-f]{12})~(\d+\.\d+)~[0-9a-f]{16}$/;

/** A hidden name in the folder of `path` that no other process uses. The name tells which process owns the file. */
export function nameTemporary(path: string): string {
  const owner = `${host}~${visibleProcesses}~${thisProcess}`;
  return join(dirname(path), `.${basename(path)}.tmp~${owner}~${randomBytes(8).toString("hex")}`);
}

/** Processes that cannot ask whether the writer of a temporary lives see by its time that it does. */
export async function touchTemporary(handle: FileHandle | undefined): Promise<void> {
  const now = new Date();
  await handle?.utimes(now, now).catch(() => undefined);
}

/** Removes a temporary, if it is still there. */
export async function removeTemporary(temporary: string): Promise<void> {
  await unlinkIfAny(temporary);
}

/**
 * Removes the temporary files that dead processes left in a folder. This process can tell whether a process is dead
 * only for processes that it sees itself. Files of other machines and containers are removed after a day without a
 * write. A file that this process may not remove stays, and does no harm.
 * @returns the names of the files removed, sorted; none if the folder does not exist
 * @throws Cifar5mError `disk/…` if the folder cannot be read or the disk fails
 */
export async function removeStaleTemporaries(directory: string): Promise<string[]> {
  const removed: string[] = [];
  // In a bucket, nothing is visible before it is whole.
  if (objectsAt(directory) !== undefined) return removed;
  try {
    for (const name of (await readdir(directory)).sort()) {
      const path = join(directory, name);
      if (pattern.test(name) && (await isStale(name, path)) && (await remove(path))) removed.push(name);
    }
  } catch (thrown) {
    if (systemCodeOf(thrown) === "ENOENT") return removed;
    throw diskError(thrown, "clean", directory);
  }
  return removed;
}

async function isStale(name: string, path: string): Promise<boolean> {
  const [, processes, owner] = ownersPattern.exec(name) ?? [];
  if (processes === visibleProcesses && owner !== undefined) return !isRunning(owner);
  const found = await stat(path).catch(() => undefined);
  return found !== undefined && Date.now() - found.mtimeMs > staleMs;
}

async function remove(path: string): Promise<boolean> {
  try {
    await unlinkIfAny(path);
    return true;
  } catch (thrown) {
    if (["EACCES", "EPERM", "EROFS", "EBUSY"].includes(systemCodeOf(thrown) ?? "")) return false;
    throw thrown;
  }
}
