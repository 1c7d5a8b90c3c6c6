import { constants } from "node:os";
import { Cifar5mError, messageOf } from "../core/errors.ts";

/** The operating system's refusals: our code, the rule, what to do. */
const refusals: Readonly<Record<string, readonly [code: string, rule: string, action: string]>> = {
  ENOSPC: ["disk/full", "no space is left on its disk", "Free some space and run again: finished units are kept."],
  EDQUOT: [
    "disk/quota-exceeded",
    "your disk quota is spent",
    "Free some space and run again: finished units are kept.",
  ],
  EFBIG: [
    "disk/file-too-large",
    "your limit for the size of a file (`ulimit -f`) or the file system allows no file that large",
    "Raise the limit, or use smaller shards or another disk.",
  ],
  EROFS: ["disk/read-only", "its file system is read-only", "Choose another folder, or mount it writable."],
  EACCES: ["disk/permission-denied", "permission is denied", "Check the owner and mode of the file and its folder."],
  EPERM: [
    "disk/permission-denied",
    "the operation is not permitted",
    "Check the owner and mode of the file and its folder.",
  ],
  ENOENT: ["disk/missing", "the file or its folder does not exist", "Check the path."],
  ENOTDIR: ["disk/not-a-folder", "a part of its path is a file, not a folder", "Check the path."],
  ENAMETOOLONG: ["disk/failed", "a name in its path is too long for the file system", "Choose a shorter name."],
  EISDIR: ["disk/is-a-folder", "it is a folder, not a file", "Check the path."],
  EMFILE: ["disk/too-many-open-files", "too many files are open", "Raise `ulimit -n`, or close other data sets."],
  ENFILE: ["disk/too-many-open-files", "too many files are open on this machine", "Close other programs."],
  ESTALE: [
    "disk/stale",
    "its server no longer knows the file or folder",
    "Check whether somebody removed it or mounted the disk anew, then run again.",
  ],
  ERR_FS_FILE_TOO_LARGE: ["disk/file-too-large", "it has more than 2 GiB", "Use a smaller file."],
  EIO: ["disk/io-error", "the disk reports a failure", "Check the disk, then run again."],
};

/**
 * Error names by number. The list includes those that Node's libuv does not know: it calls EDQUOT "Unknown system error
 * -122".
 */
const namesByNumber = new Map(Object.entries(constants.errno).map(([name, number]) => [number, name]));

/**
 * Turns an error of a file operation into the error to throw.
 * @param doing - an infinitive, for example `write`
 * @returns a Cifar5mError `disk/…` that names the file and what to do; `thrown` itself if it is a Cifar5mError or did
 *   not come from the operating system
 */
export function diskError(thrown: unknown, doing: string, path: string): unknown {
  const systemCode = systemCodeOf(thrown);
  if (thrown instanceof Cifar5mError || systemCode === undefined) return thrown;
  const known = refusals[systemCode];
  if (known === undefined) {
    if (!/^E[A-Z0-9]+$/.test(systemCode)) return thrown;
    return new Cifar5mError(
      "disk/failed",
      `cannot ${doing} ${path}: ${messageOf(thrown)}. Check the disk, then run again.`,
      {
        cause: thrown,
      },
    );
  }
  const [code, rule, action] = known;
  return new Cifar5mError(code, `cannot ${doing} ${path}: ${rule} (${systemCode}). ${action}`, { cause: thrown });
}

/** The error that a file system would throw for a path that does not exist. */
export function missingFile(path: string): Error {
  return Object.assign(new Error(`${path} does not exist`), { code: "ENOENT" });
}

/** The operating system's name of an error (`ENOSPC`), or undefined. */
export function systemCodeOf(thrown: unknown): string | undefined {
  if (!(thrown instanceof Error && "code" in thrown && typeof thrown.code === "string")) return undefined;
  if (!thrown.code.startsWith("Unknown system error")) return thrown.code;
  const number = "errno" in thrown ? -Number(thrown.errno) : Number.NaN;
  return namesByNumber.get(number) ?? `E${number}`;
}
