import * as z from "zod";
import { Cifar5mError } from "../../core/errors.ts";
import { sealJson, unsealJson } from "../../storage/canonical-json.ts";
import { replaceBytes } from "../../storage/commit.ts";
import { joinPath } from "../../storage/join-path.ts";
import { readTextIfAny } from "../../storage/read-text.ts";
import { parseRecord } from "../../storage/record-schema.ts";
import { unlinkIfAny } from "../../storage/unlink-if-any.ts";
import type { RunFolder } from "../run/run-folder.ts";

const version = 1;

const recordSchema = z.strictObject({
  version: z.literal(version),
  /** The number of ranks of every job of the run. */
  tasks: z.int().min(1),
  /** Which units the run has, for a time when nothing is pinned yet. */
  units: z.strictObject({ count: z.int(), testCount: z.int(), unitSize: z.int() }),
  /** Where the finished set is uploaded: absolute, or a location. */
  to: z.string().optional(),
  /** The jobs of the newest submission, in order. */
  jobs: z.array(z.strictObject({ name: z.string(), jobId: z.string(), ranks: z.array(z.int().min(0)).optional() })),
});

/** What was submitted for a run. */
export type SubmissionRecord = Omit<z.infer<typeof recordSchema>, "version">;
export type SubmittedJob = SubmissionRecord["jobs"][number];

/** The path of the record. */
function recordPath({ submit }: Pick<RunFolder, "submit">): string {
  return joinPath(submit, "jobs.json");
}

/** The log of a task; `%a` stands for the rank in scripts of Slurm. */
export function logPath({ submit }: Pick<RunFolder, "submit">, name: string, rank?: number | "%a" | undefined): string {
  return joinPath(submit, "logs", `${name}${rank === undefined ? "" : `-${rank}`}.log`);
}

/** @throws Cifar5mError `submission/invalid`, `submission/version-unsupported`, `json/corrupt`, `disk/…` */
export async function readRecordIfAny(folder: Pick<RunFolder, "submit">): Promise<SubmissionRecord | undefined> {
  const path = recordPath(folder);
  const text = await readTextIfAny(path);
  if (text === undefined) return undefined;
  const advice = "Delete it when no job of the run is in the queue: finished units are kept.";
  const { version: _, ...record } = parseRecord(
    recordSchema,
    unsealJson(text, path),
    "submission",
    path,
    version,
    advice,
  );
  return record;
}

/** @throws Cifar5mError `disk/…` */
export async function writeRecord(folder: Pick<RunFolder, "submit">, record: SubmissionRecord): Promise<void> {
  await replaceBytes(recordPath(folder), sealJson({ version, ...record }));
}

/** Puts an earlier record back, or none. @throws Cifar5mError `disk/…` */
export async function restoreRecord(
  folder: Pick<RunFolder, "submit">,
  before: SubmissionRecord | undefined,
): Promise<void> {
  if (before === undefined) await unlinkIfAny(recordPath(folder));
  else await writeRecord(folder, before);
}

/**
 * The number of ranks of a run: it stays as it was begun, so that no unit is left to a rank that there is no more.
 * @param given - by the user, if any
 * @throws Cifar5mError `usage/wrong` if no number is known, `submit/tasks-changed`, `usage/out-of-range` for more tasks than units
 */
export function requireTasks(
  given: number | undefined,
  record: SubmissionRecord | undefined,
  { folder, numUnits }: { readonly folder: Pick<RunFolder, "submit">; readonly numUnits: number },
): number {
  const tasks = given ?? record?.tasks;
  if (tasks === undefined) {
    throw new Cifar5mError(
      "usage/wrong",
      "--tasks must say how many tasks share the work, and is missing. Add it, such as --tasks 8.",
    );
  }
  if (record !== undefined && record.tasks !== tasks) {
    throw new Cifar5mError(
      "submit/tasks-changed",
      `--tasks must be ${record.tasks}, as the run was submitted with, got ${tasks}. Leave it out; or, to go on with another ` +
        `number, delete ${recordPath(folder)} when no job of the run is in the queue: finished units are kept.`,
    );
  }
  if (tasks > numUnits) {
    throw new Cifar5mError(
      "usage/out-of-range",
      `--tasks must be at most ${numUnits}, the number of units, got ${tasks}. Use fewer tasks, or a smaller --unit-size.`,
    );
  }
  return tasks;
}
