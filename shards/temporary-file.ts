import { randomBytes } from "node:crypto";
import { readdir, rm } from "node:fs/promises";
import { hostname } from "node:os";
import { basename, dirname, join } from "node:path";
import { diskError, systemCodeOf } from "./disk-error.ts";

/** Temporaries that this process is writing now. */
const inFlight = new Set<string>();
const host = hostname()
  .replaceAll(/[^A-Za-z0-9-]/g, "-")
  .slice(0, 64);
const pattern = /^\..+\.tmp~([A-Za-z0-9-]*)~(\d+)~[0-9a-f]{16}$/;

/** A name nobody else uses, hidden, in the folder of `path`; it tells the host and process that own it. */
export function nameTemporary(path: string): string {
  const name = `.${basename(path)}.tmp~${host}~${process.pid}~${randomBytes(8).toString("hex")}`;
  const temporary = join(dirname(path), name);
  inFlight.add(temporary);
  return temporary;
}

/** Removes a temporary of this process, if it is still there. */
export async function removeTemporary(temporary: string): Promise<void> {
  await rm(temporary, { force: true });
  inFlight.delete(temporary);
}

/**
 * Removes the temporary files that dead processes of this host left in a folder. Those of living processes and of
 * other hosts stay.
 * @returns the names of the files removed, sorted; none if the folder does not exist
 * @throws BuilderError `disk/…` if the folder cannot be read or a file not removed
 */
export async function removeStaleTemporaries(directory: string): Promise<string[]> {
  const removed: string[] = [];
  try {
    for (const name of (await readdir(directory)).sort()) {
      const match = pattern.exec(name);
      const path = join(directory, name);
      if (match === null || match[1] !== host || inFlight.has(path) || isOwnerAlive(Number(match[2]))) continue;
      await rm(path, { force: true });
      removed.push(name);
    }
  } catch (thrown) {
    if (systemCodeOf(thrown) === "ENOENT") return removed;
    throw diskError(thrown, "clean", directory);
  }
  return removed;
}

/** Whether another process of that id runs. Our own id was reused: what we own ourselves is in `inFlight`. */
function isOwnerAlive(pid: number): boolean {
  if (pid === process.pid) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (thrown) {
    return systemCodeOf(thrown) !== "ESRCH";
  }
}
