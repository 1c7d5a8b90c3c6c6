import { randomBytes } from "node:crypto";
import { readFileSync, readlinkSync } from "node:fs";
import { hostname } from "node:os";
import { systemCodeOf } from "./disk-error.ts";
import { sha256 } from "./sha256.ts";

const unknownStart = "0";

/**
 * An identifier of the set of processes that this process can see: those of one boot of a machine in one PID namespace.
 * A host name is not enough: containers often share one, and in each of them the first process is number 1.
 */
export const visibleProcesses = sha256(describeProcesses()).slice(0, 12);

/** Identifies this process among them. A later process with the same number gets another identifier. */
export const thisProcess = `${process.pid}.${startOf(process.pid)}`;

/** Whether a process of this set is running. */
export function isRunning(name: string): boolean {
  if (name === thisProcess) return true;
  const [pid, start] = name.split(".");
  try {
    process.kill(Number(pid), 0);
  } catch (thrown) {
    // EPERM: the process exists, and belongs to another user.
    if (systemCodeOf(thrown) === "ESRCH") return false;
  }
  const startNow = startOf(Number(pid));
  return start === unknownStart || startNow === unknownStart || start === startNow;
}

/** Whether a process can be told from later ones with its number. */
export function hasKnownStart(name: string): boolean {
  return ![name, thisProcess].some((one) => one.split(".")[1] === unknownStart);
}

/** When a process started, in the unit of the system; `0` where the system does not tell. */
function startOf(pid: number): string {
  // If /proc belongs to another namespace, it numbers processes differently.
  if (readOrEmpty(() => readlinkSync("/proc/self")) !== String(process.pid)) return unknownStart;
  const stat = readOrEmpty(() => readFileSync(`/proc/${pid}/stat`, "utf8"));
  // The name of the program is the second field, in parentheses, and may hold spaces.
  return /^.*\) (?:\S+ ){19}(\d+) /s.exec(stat)?.[1] ?? unknownStart;
}

function describeProcesses(): string {
  if (process.platform !== "linux") return hostname();
  const boot = readOrEmpty(() => readFileSync("/proc/sys/kernel/random/boot_id", "utf8"));
  const pids = readOrEmpty(() => readlinkSync("/proc/self/ns/pid"));
  // Start times of two time namespaces differ by a constant.
  const times = readOrEmpty(() => readlinkSync("/proc/self/ns/time"));
  // Without these values nobody can tell our processes from others, so we use an identifier that no other process has.
  return boot === "" || pids === "" ? randomBytes(16).toString("hex") : [boot, pids, times].join();
}

function readOrEmpty(read: () => string): string {
  try {
    return read();
  } catch {
    return "";
  }
}
