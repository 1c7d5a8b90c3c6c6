import { readFileSync, unlinkSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { hashText } from "../core/hash-text.ts";
import { commitFile } from "./commit.ts";
import { diskError, systemCodeOf } from "./disk-error.ts";
import { listFolder } from "./list-folder.ts";
import { isStale, type LockWatch, nameHolder } from "./lock-holder.ts";
import { readTextIfAny } from "./read-text.ts";
import { unlinkIfAny } from "./unlink-if-any.ts";

/** Who needs longer than this to take a lock away gives up, before a machine that watches takes it for dead. */
const maxTurnMs = 20_000;
/** A lock that is empty for longer was damaged. */
const emptyMs = 100;

/** How the name of a turn goes on after that of its lock. A turn may have a turn. */
const turnPattern = /^\.([0-9a-f]{16})(?:\.[0-9a-f]{16})*$/;

/**
 * Takes a lock, if nobody has it.
 * @param mine - its text, which no other lock has
 * @throws Cifar5mError `disk/…`
 */
export async function takeLock(path: string, mine: string): Promise<boolean> {
  const withoutLinks = () => (writeNew(path, mine) ? "committed" : "kept-existing");
  return (await commitFile(path, (sink) => sink.write(mine), { withoutLinks })).outcome === "committed";
}

/** Where a file cannot get its name with all its bytes, and for one writer alone, a lock is empty for a moment. */
function writeNew(path: string, text: string): boolean {
  try {
    writeFileSync(path, text, { flag: "wx" });
    return true;
  } catch (thrown) {
    if (systemCodeOf(thrown) === "EEXIST") return false;
    throw thrown;
  }
}

/** The text of a lock; undefined if there is none. @throws Cifar5mError `disk/…` */
export async function readLockIfAny(path: string): Promise<string | undefined> {
  const text = await readTextIfAny(path);
  if (text !== "") return text;
  await sleep(emptyMs);
  return await readTextIfAny(path);
}

/**
 * Removes the lock of a dead process, and no newer one. What was read may be gone a moment later, and another lock be in
 * its place. So the right to remove a lock is a lock itself, whose name has the hash of the removed one's text: while one
 * process has this turn, no other removes that lock, and so none can follow it. A turn is worth nothing once its lock is
 * gone, since no two locks have the same text. A turn whose owner has died is taken away by the same means.
 * @param watch - as `isStale` takes it
 * @throws Cifar5mError `disk/…`; the signal's reason
 */
export async function takeAway(path: string, text: string, watch?: LockWatch): Promise<void> {
  const turn = `${path}.${hashOf(text)}`;
  const mine = nameHolder();
  const startMs = Date.now();
  if (await takeLock(turn, mine)) {
    try {
      if (Date.now() - startMs < maxTurnMs) removeLock(path, text);
    } finally {
      removeLock(turn, mine);
    }
    return;
  }
  const theirs = await readLockIfAny(turn);
  if (theirs !== undefined) {
    if (!(await isStale(turn, theirs, watch))) return;
    await takeAway(turn, theirs, watch);
  }
  await takeAway(path, text, watch);
}

/**
 * Removes a lock if it has this text. It does not wait in between: what happens to a lock between a look and its removal
 * is what a turn guards against.
 * @throws Cifar5mError `disk/…`
 */
export function removeLock(path: string, text: string): void {
  try {
    if (readIfAny(path) === text) unlinkSync(path);
  } catch (thrown) {
    if (systemCodeOf(thrown) !== "ENOENT") throw diskError(thrown, "remove", path);
  }
}

/**
 * Removes the turns of earlier locks, which processes left that were killed after their lock was gone.
 * @param text - of the present lock
 */
export async function removeOldTurns(path: string, text: string): Promise<void> {
  const [folder, name] = [dirname(path), basename(path)];
  for (const other of await listFolder(folder)) {
    const hash = other.startsWith(`${name}.`) ? turnPattern.exec(other.slice(name.length))?.[1] : undefined;
    if (hash !== undefined && hash !== hashOf(text)) await unlinkIfAny(join(folder, other)).catch(() => undefined);
  }
}

function hashOf(text: string): string {
  return hashText(text).slice(0, 16);
}

function readIfAny(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (thrown) {
    if (systemCodeOf(thrown) === "ENOENT") return undefined;
    throw diskError(thrown, "read", path);
  }
}
