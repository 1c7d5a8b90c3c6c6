import { appendFile, rmdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { Cifar5mError } from "../core/errors.ts";
import { isObject } from "../core/is-object.ts";
import { parseJson } from "../core/parse-json.ts";
import { plainText } from "../core/plain-text.ts";
import { commitBytes, replaceBytes } from "./commit.ts";
import { diskError } from "./disk-error.ts";
import { makeFolder } from "./durable-folder.ts";
import { type EventLog, openEventLog } from "./event-log.ts";
import { listFolder } from "./list-folder.ts";
import { readLockHolder, readOtherHolder, removeStaleLock, withLock } from "./lock-file.ts";
import type { LockHolder, LockWatcher } from "./lock-holder.ts";
import { readWholeFile } from "./read-file.ts";
import { readTextIfAny } from "./read-text.ts";
import { removeStaleTemporaries } from "./temporary-file.ts";
import { unlinkIfAny } from "./unlink-if-any.ts";

const checkpointPattern = /^checkpoint-(\d{9})\.safetensors$/;
/** Number of checkpoints kept: the newest, and the one before for people who want to look at it. */
const numKept = 2;

/**
 * What a training keeps on disk. It has the shape of the engine's `TrainingStore`; `storage/` must not import the
 * engine.
 */
export interface FolderTrainingStore {
  /** The newest checkpoint. It prepares the folder to go on from there, so only the process that trains may call it. */
  load(): Promise<Uint8Array | undefined>;
  save(checkpoint: Uint8Array, step: number): Promise<void>;
  log(line: { readonly step: number } & Readonly<Record<string, number>>): Promise<void>;
}

/** One line of a training's log. */
export interface LogLine {
  readonly step: number;
  /** Mean over the steps since the previous line. */
  readonly loss: number;
  readonly imagesPerSecond: number;
}

/**
 * Keeps a training in a folder: `checkpoint-000001200.safetensors` (the number is the step; committed atomically) and
 * `log.jsonl`. The scalars of the log are also in an event log, for TensorBoard. After an interruption both are cut back
 * to the checkpoint, so they hold every step exactly once.
 * @param events - by default in the same folder
 * @throws Cifar5mError `disk/…`, from each of its functions; `train/lock-lost` from `save`
 */
export function openTrainingStore(folder: string, events: EventLog = openEventLog(folder)): FolderTrainingStore {
  const logPath = logPathIn(folder);
  const pathOf = (step: number) => join(folder, `checkpoint-${String(step).padStart(9, "0")}.safetensors`);
  async function removeOldCheckpoints(): Promise<void> {
    for (const old of (await listCheckpoints(folder)).slice(0, -numKept)) await unlinkIfAny(pathOf(old));
  }
  return {
    async load() {
      await removeStaleTemporaries(folder);
      // A training that was killed between a checkpoint and this left one too many.
      await removeOldCheckpoints();
      const step = (await listCheckpoints(folder)).at(-1);
      await cutLog(logPath, step ?? 0);
      await events.cut(step);
      return step === undefined ? undefined : await readWholeFile(pathOf(step));
    },
    async save(checkpoint, step) {
      await requireOwnLock(folder);
      await commitBytes(pathOf(step), checkpoint);
      await removeOldCheckpoints();
    },
    async log(line) {
      try {
        await makeFolder(dirname(logPath));
        await appendFile(logPath, `${JSON.stringify(line)}\n`);
      } catch (thrown) {
        throw diskError(thrown, "write", logPath);
      }
      const { step, ...scalars } = line;
      await events.append(step, scalars);
    },
  };
}

/**
 * Does the work of a training while no other process works in its folder.
 * @throws Cifar5mError `train/under-way`; what `work` throws; the signal's reason; `disk/…`
 */
export async function withTraining<Result>(
  folder: string,
  watcher: LockWatcher,
  work: () => Promise<Result>,
): Promise<Result> {
  try {
    return await withLock(lockPathIn(folder), work, (holder) => underWay(folder, holder), watcher);
  } finally {
    // A training that never began leaves no folder, and a folder that is not empty stays.
    await rmdir(folder).catch(() => undefined);
  }
}

/**
 * Refuses to work in the folder of a training that another process is at.
 * @throws Cifar5mError `train/under-way`, `disk/…`
 */
export async function requireNoTraining(folder: string): Promise<void> {
  const holder = await readLockHolder(lockPathIn(folder));
  if (holder !== undefined) throw underWay(folder, holder);
}

/** Whether a process trains in the folder. @throws Cifar5mError `disk/…` */
export async function isTrainedIn(folder: string): Promise<boolean> {
  return (await readLockHolder(lockPathIn(folder))) !== undefined;
}

/** Removes the lock of a process that was killed between the end of its training and that of its work. */
export async function cleanFinishedTraining(folder: string): Promise<void> {
  await removeStaleLock(lockPathIn(folder));
}

function underWay(folder: string, { host, pid, sinceMs }: LockHolder): Cifar5mError {
  return new Cifar5mError(
    "train/under-way",
    `only one process at a time may train in ${folder}, and process ${pid} on ${host} has since ` +
      `${new Date(sinceMs).toISOString()}. Wait for it, or end it and run the same command again to go on.`,
  );
}

/** A machine that was asleep for minutes may find that another one goes on with its training. */
async function requireOwnLock(folder: string): Promise<void> {
  const other = await readOtherHolder(lockPathIn(folder));
  if (other === undefined) return;
  throw new Cifar5mError(
    "train/lock-lost",
    `this process must be the only one that trains in ${folder}, and process ${other.pid} on ${other.host} has gone on with ` +
      "the training since this one was not seen for a while. It goes on there; nothing needs to be done.",
  );
}

/**
 * Reads the log of a training, in order of steps. The result is empty before the first line. A training that goes on has
 * dropped the damaged lines before.
 * @throws Cifar5mError `train/log-corrupt`, `disk/…`
 */
export async function readTrainingLog(folder: string): Promise<LogLine[]> {
  const path = logPathIn(folder);
  const text = (await readTextIfAny(path)) ?? "";
  return text.split("\n").flatMap((line, index) => {
    if (line === "") return [];
    const parsed = parseLine(line);
    if (parsed !== undefined) return [parsed];
    throw new Cifar5mError(
      "train/log-corrupt",
      `line ${index + 1} of ${path} must be a JSON object with numbers as step and loss, got ${plainText(line, 80)}. Delete the line.`,
    );
  });
}

/**
 * Whether a training has a checkpoint that it would go on from. Nothing is changed, so another process may be at work.
 * @throws Cifar5mError `disk/…`
 */
export async function hasCheckpoint(folder: string): Promise<boolean> {
  return (await listCheckpoints(folder)).length > 0;
}

/** The step of the checkpoint that a training would go on from; undefined if it has none. @throws Cifar5mError `disk/…` */
export async function newestCheckpoint(folder: string): Promise<number | undefined> {
  return (await listCheckpoints(folder)).at(-1);
}

function lockPathIn(folder: string): string {
  return join(folder, "lock");
}

function logPathIn(folder: string): string {
  return join(folder, "log.jsonl");
}

/** Steps of the checkpoints in a folder, rising. */
async function listCheckpoints(folder: string): Promise<number[]> {
  const matches = (await listFolder(folder)).map((name) => checkpointPattern.exec(name));
  return matches.flatMap((match) => (match === null ? [] : [Number(match[1])])).sort((a, b) => a - b);
}

/** Drops the lines after a step, and damaged ones, such as a last line that was cut short. */
async function cutLog(path: string, step: number): Promise<void> {
  const text = await readTextIfAny(path);
  if (text === undefined) return;
  const kept = text.split("\n").filter((line) => (parseLine(line)?.step ?? Number.POSITIVE_INFINITY) <= step);
  await replaceBytes(path, kept.map((line) => `${line}\n`).join(""));
}

/** Undefined for a damaged line. */
function parseLine(line: string): LogLine | undefined {
  try {
    const value = parseJson(line);
    const isWhole = isObject(value) && Number.isSafeInteger(value["step"]) && typeof value["loss"] === "number";
    return isWhole ? (value as unknown as LogLine) : undefined;
  } catch {
    return undefined;
  }
}
