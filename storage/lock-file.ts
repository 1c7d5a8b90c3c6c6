import { readFile, rename, stat, utimes } from "node:fs/promises";
import { hostname } from "node:os";
import { commitBytes } from "./commit.ts";
import { isRunning, thisProcess, visibleProcesses } from "./process-identity.ts";
import { readTextIfAny } from "./read-text.ts";
import { nameTemporary, removeTemporary } from "./temporary-file.ts";

/** A lock that was not touched for so long has no living holder on any machine. */
const staleMs = 600_000;
/** How often a holder touches its lock. */
const touchMs = 60_000;

/** Who holds a lock. */
export interface LockHolder {
  readonly host: string;
  readonly pid: number;
  /** When it was taken, milliseconds since 1970. */
  readonly sinceMs: number;
}

/**
 * Does work that only one process may do at a time. The lock of a dead process is taken over: at once if it ran on this
 * machine, after ten minutes if on another.
 * @param path - of the lock file, which exists while the work is done
 * @param refusal - the error for a caller that finds the lock taken
 * @throws what `refusal` returns; what `work` throws; Cifar5mError `disk/…`
 */
export async function withLock<Result>(
  path: string,
  work: () => Promise<Result>,
  refusal: (holder: LockHolder) => Error,
): Promise<Result> {
  const mine = `${JSON.stringify({ host: hostname(), pid: process.pid, sinceMs: Date.now(), visibleProcesses, thisProcess })}\n`;
  if ((await commitBytes(path, mine)).outcome !== "committed") {
    const theirs = await readTextIfAny(path);
    if (theirs !== undefined && !(await isStale(path, theirs))) throw refusal(JSON.parse(theirs) as LockHolder);
    if (theirs !== undefined) await takeAway(path, theirs);
    if ((await commitBytes(path, mine)).outcome !== "committed") {
      throw refusal(JSON.parse((await readTextIfAny(path)) ?? mine) as LockHolder);
    }
  }
  const touching = setInterval(() => void touch(path), touchMs).unref();
  try {
    return await work();
  } finally {
    clearInterval(touching);
    // A machine that slept may wake up after another one took its lock over.
    if ((await readTextIfAny(path)) === mine) await takeAway(path, mine);
  }
}

async function touch(path: string): Promise<void> {
  const now = new Date();
  await utimes(path, now, now).catch(() => undefined);
}

async function isStale(path: string, text: string): Promise<boolean> {
  const holder = JSON.parse(text) as { readonly visibleProcesses: string; readonly thisProcess: string };
  if (holder.visibleProcesses === visibleProcesses) return !isRunning(holder.thisProcess);
  const found = await stat(path).catch(() => undefined);
  return found !== undefined && Date.now() - found.mtimeMs > staleMs;
}

/** Removes the lock that was read, and no newer one: another process may have taken it over in between. */
async function takeAway(path: string, text: string): Promise<void> {
  // Of this kind, because whoever cleans the folder removes it if this process is killed before it does.
  const aside = nameTemporary(path);
  await rename(path, aside).catch(() => undefined);
  const moved = await readFile(aside, "utf8").catch(() => text);
  if (moved !== text) await commitBytes(path, moved);
  await removeTemporary(aside);
}
