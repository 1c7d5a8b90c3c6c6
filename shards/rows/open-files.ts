/** Number of files kept open at most, over all data sets and threads, even if the system allows more. */
const mostFiles = 512;

/** An object that holds shard files open, and can close some of them. */
export interface FileHolder {
  /** Closes the file used longest ago. @returns false if no file is open */
  closeOldest(): boolean;
}

/** The holders of this thread that have open files. */
const holders = new Set<FileHolder>();
let numOtherThreads = 0;

/**
 * States that other threads of the process keep files open too, until the returned function is called. Each thread has
 * its own copy of this module.
 */
export function shareFilesWith(numThreads: number): () => void {
  numOtherThreads += numThreads;
  return () => {
    numOtherThreads -= numThreads;
  };
}

/** Records whether a holder has open files. */
export function noteHolder(holder: FileHolder, holdsFiles: boolean): void {
  if (holdsFiles) holders.add(holder);
  else holders.delete(holder);
}

/** Number of files that each holder may keep open. The other holders and the rest of the process need files too. */
export function filesPerHolder(): number {
  return Math.max(1, Math.floor(budget / (1 + numOtherThreads) / Math.max(1, holders.size)));
}

/**
 * Closes a file when the system allows no more: one of `first`, otherwise one of another holder.
 * @returns false if there is none
 */
export function makeSpaceForFile(first: FileHolder): boolean {
  return first.closeOldest() || [...holders].some((holder) => holder.closeOldest());
}

/** Half of the system's limit is reserved for other files: sockets, temporaries, threads, the program itself. */
const budget = Math.max(8, Math.min(mostFiles, Math.floor(limitOfSystem() / 2) - 32));

/**
 * The limit of `ulimit -n`. Where the system does not tell, opening one file too many fails: see `makeSpaceForFile`.
 */
function limitOfSystem(): number {
  try {
    // Not imported, since browsers load this module too.
    const fs = globalThis.process?.getBuiltinModule("node:fs");
    const [, soft] = /^Max open files\s+(\d+)/m.exec(fs?.readFileSync("/proc/self/limits", "utf8") ?? "") ?? [];
    return soft === undefined ? Number.POSITIVE_INFINITY : Number(soft);
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}
