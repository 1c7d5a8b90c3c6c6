import { setTimeout as sleep } from "node:timers/promises";
import { replaceBytes } from "./commit.ts";
import { withLock } from "./lock-file.ts";
import { describeWait, type LockHolder, type LockWatcher, staleMs } from "./lock-holder.ts";
import { type ObjectFiles, objectsAt } from "./object-files.ts";
import { readTextIfAny } from "./read-text.ts";
import { spool } from "./spool.ts";

/** How long a caller waits before it asks for a lock again. */
const pollMs = 50;
/** A living holder lets the lock go within less than this many polls. */
const pollsUntold = 40;

/**
 * Reads a file and replaces it, as one act: of several callers at once, each sees what the one before it wrote.
 * @param options.lockPath - the lock that exists meanwhile; a bucket needs none
 * @param options.change - returns the new text, or undefined to keep the file; called again if another caller was faster
 * @param options.signal - ends the wait for other callers
 * @param options.tell - told in a line if the lock is waited for
 * @throws Cifar5mError `disk/…`, `store/…`; what `change` throws; the signal's reason
 */
export async function updateFile(
  path: string,
  options: LockWatcher & {
    readonly lockPath: string;
    readonly change: (present: string | undefined) => string | undefined;
  },
): Promise<void> {
  const { lockPath, change, signal, tell } = options;
  const objects = objectsAt(path);
  if (objects !== undefined) {
    while (!(await updateObject(objects, path, change))) await sleep(pollMs, undefined, { signal });
    return;
  }
  const update = async () => {
    const text = change(await readTextIfAny(path));
    if (text !== undefined) await replaceBytes(path, text);
  };
  for (let numPolls = 1; ; numPolls++) {
    try {
      await withLock(lockPath, update, (holder) => new LockTaken(holder));
      return;
    } catch (thrown) {
      if (!(thrown instanceof LockTaken)) throw thrown;
      if (numPolls === pollsUntold) tell?.(describeWait(lockPath, thrown.holder, staleMs));
      await sleep(pollMs, undefined, { signal });
    }
  }
}

class LockTaken extends Error {
  readonly holder: LockHolder;

  constructor(holder: LockHolder) {
    super();
    this.holder = holder;
  }
}

/** @returns false if another caller replaced the object after it was read */
async function updateObject(
  objects: ObjectFiles,
  path: string,
  change: (present: string | undefined) => string | undefined,
): Promise<boolean> {
  // The version is asked for first: if the text is of a newer one, the write is refused.
  const found = await objects.find(path);
  const text = change(await readTextIfAny(path));
  if (text === undefined) return true;
  const data = await spool((sink) => sink.write(text));
  try {
    const condition = found === undefined ? "if-absent" : { ifVersion: found.version };
    return await objects.write(path, data, { condition });
  } finally {
    await data.remove();
  }
}
