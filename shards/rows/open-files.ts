/** Files that are kept open at most, over all data sets and threads, however many the system allows. */
const mostFiles = 512;

/** What holds shard files open, and can do without. */
export interface FileHolder {
  /** Closes the file used longest ago. @returns false if there is none */
  closeOldest(): boolean;
}

/** Those of this thread that hold files. */
const holders = new Set<FileHolder>();
let numThreads = 1;

/** Says that so many threads of the process keep files open; each has its own copy of this module. */
export function shareFilesAmong(threads: number): void {
  numThreads = threads;
}

/** Notes that one holds files, or none any more. */
export function noteHolder(holder: FileHolder, holdsFiles: boolean): void {
  if (holdsFiles) holders.add(holder);
  else holders.delete(holder);
}

/** Files that each holder may keep open; the others, and all else that the process opens, need theirs. */
export function filesPerHolder(): number {
  return Math.max(1, Math.floor(budget / numThreads / Math.max(1, holders.size)));
}

/** Closes a file where the system allows no more: one of `first`, else of another holder. @returns false if there is none */
export function makeRoomForFile(first: FileHolder): boolean {
  return first.closeOldest() || [...holders].some((holder) => holder.closeOldest());
}

/** Half of what the system allows is for others: sockets, temporaries, threads, the program itself. */
const budget = Math.max(8, Math.min(mostFiles, Math.floor(limitOfSystem() / 2) - 32));

/** `ulimit -n`; where the system does not tell, opening the one too many does: see `makeRoomForFile`. */
function limitOfSystem(): number {
  try {
    // Not imported: browsers load this module too.
    const fs = globalThis.process?.getBuiltinModule("node:fs");
    const [, soft] = /^Max open files\s+(\d+)/m.exec(fs?.readFileSync("/proc/self/limits", "utf8") ?? "") ?? [];
    return soft === undefined ? Number.POSITIVE_INFINITY : Number(soft);
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}
