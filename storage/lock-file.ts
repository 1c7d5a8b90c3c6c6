import { utimes } from "node:fs/promises";
import { Worker } from "node:worker_threads";
import { isOurs, isStale, type LockHolder, type LockWatch, nameHolder, parseHolder } from "./lock-holder.ts";
import { readTextIfAny } from "./read-text.ts";
import { readLockIfAny, removeLock, removeOldTurns, takeAway, takeLock } from "./take-lock.ts";

/** How often a holder touches its lock. */
const touchMs = 10_000;

/**
 * Does work that only one process may do at a time. The lock of a dead process is taken over: at once if it ran on this
 * machine, after ten minutes if on another.
 * @param path - of the lock file, which exists while the work is done
 * @param refusal - the error for a caller that finds the lock taken
 * @param watch - for work that may block this thread for minutes: the lock is touched from another thread. A caller that
 *   finds the lock of another machine waits until it is touched, 45 seconds by default, whatever the clocks of the two show.
 * @throws what `refusal` returns; what `work` throws; the signal's reason; Cifar5mError `lock/invalid`, `disk/…`
 */
export async function withLock<Result>(
  path: string,
  work: () => Promise<Result>,
  refusal: (holder: LockHolder) => Error,
  watch?: LockWatch,
): Promise<Result> {
  const mine = nameHolder();
  if (!(await takeLock(path, mine))) {
    const theirs = await readLockIfAny(path);
    if (theirs !== undefined && !(await isStale(path, theirs, watch))) throw refusal(parseHolder(path, theirs));
    if (theirs !== undefined) await takeAway(path, theirs, watch);
    if (!(await takeLock(path, mine))) throw refusal(parseHolder(path, (await readLockIfAny(path)) ?? mine));
    await removeOldTurns(path, mine);
  }
  const stopTouching = keepTouched(path, mine, watch !== undefined);
  try {
    return await work();
  } finally {
    try {
      // A machine that slept may wake up after another one took its lock over.
      removeLock(path, mine);
    } finally {
      // Last, because a process that is killed while a thread ends must not leave the lock.
      await stopTouching();
    }
  }
}

/** Removes the lock of a process that has died, as far as clocks tell: of work that is done, and that nobody will lock again. */
export async function removeStaleLock(path: string): Promise<void> {
  try {
    const text = await readLockIfAny(path);
    if (text !== undefined && (await isStale(path, text))) await takeAway(path, text);
  } catch {
    // Where it cannot be read or removed, it does no harm.
  }
}

/** The living holder of a lock, if it has one, as far as clocks tell. */
export async function readLockHolder(path: string): Promise<LockHolder | undefined> {
  const text = await readLockIfAny(path);
  return text === undefined || (await isStale(path, text)) ? undefined : parseHolder(path, text);
}

/** Who took a lock over that this process held, or thought it held; undefined if nobody did. */
export async function readOtherHolder(path: string): Promise<LockHolder | undefined> {
  const text = await readLockIfAny(path);
  return text === undefined || isOurs(path, text) ? undefined : parseHolder(path, text);
}

/**
 * Touches a lock from now on, as long as it is the one that was taken: a touched lock passes for that of a living process,
 * and its next holder may be dead.
 * @param mine - the text of the lock
 * @param fromThread - from another thread too, since this one may be blocked
 * @returns what ends it
 */
function keepTouched(path: string, mine: string, fromThread: boolean): () => Promise<void> {
  const touching = setInterval(() => void touch(path, mine), touchMs).unref();
  const worker = fromThread ? startToucher(path, mine) : undefined;
  return async () => {
    clearInterval(touching);
    await worker?.terminate();
  };
}

/** What a thread does that touches a lock; text, because it then needs no file beside this one. */
const toucherCode = `
  const { readFileSync, utimesSync } = require("node:fs");
  const { path, mine, touchMs } = require("node:worker_threads").workerData;
  const touch = () => {
    try {
      if (readFileSync(path, "utf8") === mine) utimesSync(path, new Date(), new Date());
    } catch {}
  };
  setInterval(touch, touchMs);
`;

function startToucher(path: string, mine: string): Worker {
  const worker = new Worker(toucherCode, { eval: true, workerData: { path, mine, touchMs } });
  worker.unref();
  // Where there is no memory for a thread, this one touches the lock.
  worker.on("error", () => undefined);
  return worker;
}

async function touch(path: string, mine: string): Promise<void> {
  const now = new Date();
  const text = await readTextIfAny(path).catch(() => undefined);
  if (text === mine) await utimes(path, now, now).catch(() => undefined);
}
