import { randomUUID } from "node:crypto";
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { Cifar5mError } from "../../core/errors.ts";
import { commitBytes } from "../../storage/commit.ts";
import { diskError, systemCodeOf } from "../../storage/disk-error.ts";
import { fileExists } from "../../storage/read-file.ts";
import { unlinkIfAny } from "../../storage/unlink-if-any.ts";

const markPattern = /^in-use-/;

/**
 * Works in a folder that several processes may use at once, and removes it at the end. An interruption, and an error that
 * another call may not meet, such as a full disk, leave the folder for the next call. The process that ends first removes
 * the folder while others may still use it.
 * @returns the result of `work`; `removed` if it failed because another process has removed the folder
 * @throws what `work` throws for other reasons; Cifar5mError `disk/…`
 */
export async function useStagingFolder<Result>(
  directory: string,
  signal: AbortSignal,
  work: () => Promise<Result>,
): Promise<Result | "removed"> {
  const mark = join(directory, `in-use-${randomUUID()}`);
  await commitBytes(mark, "");
  let isToGoOn = false;
  try {
    return await work();
  } catch (thrown) {
    if (!signal.aborted && !(await fileExists(mark))) return "removed";
    isToGoOn = signal.aborted || !isFinal(thrown);
    throw thrown;
  } finally {
    if (isToGoOn) await unlinkIfAny(mark);
    else await removeStagingFolder(directory);
  }
}

/** Whether an error says that the old bytes cannot be made again: what is in the folder is of no use then. */
function isFinal(thrown: unknown): boolean {
  return thrown instanceof Cifar5mError && thrown.code.startsWith("repair/");
}

/** Removes the marks first: a process that misses a file can then tell the reason. */
async function removeStagingFolder(directory: string): Promise<void> {
  try {
    const marks = (await readdir(directory)).filter((name) => markPattern.test(name));
    for (const name of marks) await rm(join(directory, name), { force: true });
    await rm(directory, { recursive: true, force: true });
  } catch (thrown) {
    // Another process removes it too, or still writes to it and will remove it.
    if (["ENOENT", "ENOTEMPTY"].includes(systemCodeOf(thrown) ?? "")) return;
    throw diskError(thrown, "remove", directory);
  }
}
