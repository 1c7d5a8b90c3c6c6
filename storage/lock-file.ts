import { readFile, rename, stat, utimes } from "node:fs/promises";
import { hostname } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import { commitBytes } from "./commit.ts";
import { hasKnownStart, isRunning, thisProcess, visibleProcesses } from "./process-identity.ts";
import { readTextIfAny } from "./read-text.ts";
import { nameTemporary, removeTemporary } from "./temporary-file.ts";

/** A lock that was not touched for so long has no living holder on any machine. */
export const staleMs = 600_000;
/** How often a holder touches its lock. */
const touchMs = 10_000;
/** A lock that is not touched while it is watched for so long has no living holder either. */
const watchMs = 45_000;
const watchPollMs = 250;

/** Who waits for a lock. */
export interface LockWatcher {
  readonly signal: AbortSignal;
  /** Told in a line what is waited for, and how long at most. */
  readonly tell?: ((line: string) => void) | undefined;
}

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
 * @param watch - for work that may block this thread for minutes: the lock is touched from another thread. A caller that
 *   finds the lock of another machine waits until it is touched, 45 seconds by default, whatever the clocks of the two show.
 * @throws what `refusal` returns; what `work` throws; the signal's reason; Cifar5mError `disk/…`
 */
export async function withLock<Result>(
  path: string,
  work: () => Promise<Result>,
  refusal: (holder: LockHolder) => Error,
  watch?: LockWatcher & { readonly ms?: number },
): Promise<Result> {
  const mine = `${JSON.stringify({ host: hostname(), pid: process.pid, sinceMs: Date.now(), visibleProcesses, thisProcess })}\n`;
  if ((await commitBytes(path, mine)).outcome !== "committed") {
    const theirs = await readTextIfAny(path);
    if (theirs !== undefined && !(await isStale(path, theirs, watch))) throw refusal(JSON.parse(theirs) as LockHolder);
    if (theirs !== undefined) await takeAway(path, theirs);
    if ((await commitBytes(path, mine)).outcome !== "committed") {
      throw refusal(JSON.parse((await readTextIfAny(path)) ?? mine) as LockHolder);
    }
  }
  const stopTouching = keepTouched(path, mine, watch !== undefined);
  try {
    return await work();
  } finally {
    try {
      // A machine that slept may wake up after another one took its lock over.
      if ((await readTextIfAny(path)) === mine) await takeAway(path, mine);
    } finally {
      // Last, because a process that is killed while a thread ends must not leave the lock.
      await stopTouching();
    }
  }
}

/** Removes the lock of a process that has died, as far as clocks tell: of work that is done, and that nobody will lock again. */
export async function removeStaleLock(path: string): Promise<void> {
  const text = await readTextIfAny(path);
  if (text !== undefined && (await isStale(path, text))) await takeAway(path, text);
}

/** What is told while a lock is waited for. @param ms - for how long at most */
export function describeWait(path: string, { host, pid }: LockHolder, ms: number): string {
  return `waiting at most ${ms / 1000} s for ${path}: process ${pid} on ${host} holds it, or has died and left it`;
}

/** The living holder of a lock, if it has one, as far as clocks tell. */
export async function readLockHolder(path: string): Promise<LockHolder | undefined> {
  const text = await readTextIfAny(path);
  return text === undefined || (await isStale(path, text)) ? undefined : (JSON.parse(text) as LockHolder);
}

/** Who took a lock over that this process held, or thought it held; undefined if nobody did. */
export async function readOtherHolder(path: string): Promise<LockHolder | undefined> {
  const text = await readTextIfAny(path);
  if (text === undefined) return undefined;
  const holder = JSON.parse(text) as LockHolder & Owner;
  const isOurs = holder.visibleProcesses === visibleProcesses && holder.thisProcess === thisProcess;
  return isOurs ? undefined : holder;
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

interface Owner {
  readonly visibleProcesses: string;
  readonly thisProcess: string;
}

/** Whether the process that took a lock has died, as far as can be told. */
async function isStale(path: string, text: string, watch?: LockWatcher & { readonly ms?: number }): Promise<boolean> {
  const owner = JSON.parse(text) as Owner;
  if (owner.visibleProcesses === visibleProcesses) {
    if (!isRunning(owner.thisProcess)) return true;
    // Another process may have got the number of a dead one.
    if (hasKnownStart(owner.thisProcess)) return false;
  } else if (watch !== undefined) return await isAbandoned(path, text, watch);
  const touched = await touchedAt(path);
  return touched !== undefined && Date.now() - touched > staleMs;
}

/** Watches the lock of a process that this one cannot see. @returns true also if the lock is gone */
async function isAbandoned(
  path: string,
  text: string,
  { signal, tell, ms = watchMs }: LockWatcher & { readonly ms?: number },
): Promise<boolean> {
  tell?.(describeWait(path, JSON.parse(text) as LockHolder, ms));
  const first = await touchedAt(path);
  // By the clock of this machine alone: those of two machines differ.
  for (const start = Date.now(); Date.now() - start < ms; ) {
    await sleep(watchPollMs, undefined, { signal });
    const now = await touchedAt(path);
    if (now === undefined) return true;
    if (now !== first) return false;
  }
  return true;
}

/** Milliseconds since 1970; undefined if there is no lock. */
async function touchedAt(path: string): Promise<number | undefined> {
  return (await stat(path).catch(() => undefined))?.mtimeMs;
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
