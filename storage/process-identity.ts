import { createHash, randomBytes } from "node:crypto";
import { readFileSync, readlinkSync } from "node:fs";
import { hostname } from "node:os";
import { systemCodeOf } from "./disk-error.ts";

const unknownStart = "0";

/**
 * The processes that this one can see, by a name that no others have: those of one boot of a machine in one PID
 * namespace. Containers often share a host name, and in each of them the first process is number 1.
 */
export const ownProcesses = createHash("sha256").update(describeProcesses()).digest("hex").slice(0, 12);

/** This process among them; not the same again where a later one is given the same number. */
export const ownProcess = `${process.pid}.${startOf(process.pid)}`;

/** Whether one of `ownProcesses`, as it calls itself in `ownProcess`, runs. Threads are the same process. */
export function isRunning(name: string): boolean {
  if (name === ownProcess) return true;
  const [pid, start] = name.split(".");
  try {
    process.kill(Number(pid), 0);
  } catch (thrown) {
    // EPERM: it is there, and another user's.
    if (systemCodeOf(thrown) === "ESRCH") return false;
  }
  const startNow = startOf(Number(pid));
  return start === unknownStart || startNow === unknownStart || start === startNow;
}

/** When a process started, in the system's own unit; `0` where the system does not tell. */
function startOf(pid: number): string {
  // The /proc of another namespace numbers processes otherwise.
  if (readOrEmpty(() => readlinkSync("/proc/self")) !== String(process.pid)) return unknownStart;
  const stat = readOrEmpty(() => readFileSync(`/proc/${pid}/stat`, "utf8"));
  // The name of the program comes second, in parentheses, and may hold spaces.
  return /^.*\) (?:\S+ ){19}(\d+) /s.exec(stat)?.[1] ?? unknownStart;
}

function describeProcesses(): string {
  if (process.platform !== "linux") return hostname();
  const boot = readOrEmpty(() => readFileSync("/proc/sys/kernel/random/boot_id", "utf8"));
  const pids = readOrEmpty(() => readlinkSync("/proc/self/ns/pid"));
  // Start times differ by a constant between time namespaces.
  const times = readOrEmpty(() => readlinkSync("/proc/self/ns/time"));
  // Without these nobody else can be told from us: then we share our processes with none.
  return boot === "" || pids === "" ? randomBytes(16).toString("hex") : [boot, pids, times].join();
}

function readOrEmpty(read: () => string): string {
  try {
    return read();
  } catch {
    return "";
  }
}
