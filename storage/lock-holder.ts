import { randomBytes } from "node:crypto";
import { stat } from "node:fs/promises";
import { hostname } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import * as z from "zod";
import { Cifar5mError } from "../core/errors.ts";
import { parseJson } from "../core/parse-json.ts";
import { plainText } from "../core/plain-text.ts";
import { hasKnownStart, isRunning, thisProcess, visibleProcesses } from "./process-identity.ts";

/** A lock that was not touched for so long has no living holder on any machine. */
export const staleMs = 600_000;
/** A lock that is not touched while it is watched for so long has no living holder either. */
export const watchMs = 45_000;
const watchPollMs = 250;

/** Who waits for a lock. */
export interface LockWatcher {
  readonly signal: AbortSignal;
  /** Told in a line what is waited for, and how long at most. */
  readonly tell?: ((line: string) => void) | undefined;
}

/** Who waits for a lock of another machine. */
export interface LockWatch extends LockWatcher {
  /** For how long at most, by default 45 seconds. */
  readonly ms?: number;
}

/** Who holds a lock. */
export interface LockHolder {
  readonly host: string;
  readonly pid: number;
  /** When it was taken, milliseconds since 1970. */
  readonly sinceMs: number;
}

const ownerSchema = z.object({
  host: z.string(),
  pid: z.number(),
  sinceMs: z.number(),
  visibleProcesses: z.string(),
  thisProcess: z.string(),
});

type Owner = LockHolder & Readonly<z.infer<typeof ownerSchema>>;

/** The text of a lock of this process. No two locks have the same text. */
export function nameHolder(): string {
  const nonce = randomBytes(8).toString("hex");
  const holder = { host: hostname(), pid: process.pid, sinceMs: Date.now(), visibleProcesses, thisProcess, nonce };
  return `${JSON.stringify(holder)}\n`;
}

/**
 * Who holds a lock, by its text.
 * @throws Cifar5mError `lock/invalid`
 */
export function parseHolder(path: string, text: string): Owner {
  try {
    return ownerSchema.parse(parseJson(text));
  } catch {
    throw new Cifar5mError(
      "lock/invalid",
      `${path} must name the process that holds it, got ${text === "" ? "an empty file" : plainText(text, 80)}. ` +
        "Delete it if no process of cifar5m works in its folder.",
    );
  }
}

/** Whether this process took a lock. @throws as `parseHolder` */
export function isOurs(path: string, text: string): boolean {
  const owner = parseHolder(path, text);
  return owner.visibleProcesses === visibleProcesses && owner.thisProcess === thisProcess;
}

/** What is told while a lock is waited for. @param ms - for how long at most */
export function describeWait(path: string, { host, pid }: LockHolder, ms: number): string {
  return `waiting at most ${ms / 1000} s for ${path}: process ${pid} on ${host} holds it, or has died and left it`;
}

/** Whether the process that took a lock has died, as far as can be told. */
export async function isStale(path: string, text: string, watch?: LockWatch): Promise<boolean> {
  const owner = parseHolder(path, text);
  if (owner.visibleProcesses === visibleProcesses) {
    if (!isRunning(owner.thisProcess)) return true;
    // Another process may have got the number of a dead one.
    if (hasKnownStart(owner.thisProcess)) return false;
  } else if (watch !== undefined) return await isAbandoned(path, owner, watch);
  const touched = await touchedAt(path);
  return touched !== undefined && Date.now() - touched > staleMs;
}

/** Watches the lock of a process that this one cannot see. @returns true also if the lock is gone */
async function isAbandoned(
  path: string,
  holder: LockHolder,
  { signal, tell, ms = watchMs }: LockWatch,
): Promise<boolean> {
  tell?.(describeWait(path, holder, ms));
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
