import { argmax } from "../../core/argmax.ts";
import { readFileFactsIfAny } from "../../storage/file-facts.ts";
import { fileExists } from "../../storage/read-file.ts";
import { listTasks, type QueuedTask } from "../cluster/slurm/slurm-programs.ts";
import type { SubmissionRecord } from "../cluster/submission-record.ts";
import { listReceipts } from "../run/list-receipts.ts";
import { readProbabilities } from "../run/unit-files.ts";
import { readStatus, type StageStatus } from "../status/read-status.ts";
import { refreshRun, type ServedRun } from "./served-run.ts";
import { shareAnswer } from "./share-answer.ts";

/** Number of images that are shown. */
const numNewest = 48;
/** Number of receipts, of the highest units, of which the newest are chosen. */
const numAsked = 32;
/** Time that a state is told again to whoever asks: about that between two requests of a page, in milliseconds. */
const stateKeptMs = 2000;
/** The same of the scheduler's part: every page that is open would have it walk through its whole queue. */
const queueKeptMs = 30_000;

/** An image of a unit that was finished lately. */
export interface NewImage {
  readonly id: number;
  /** Undefined until the unit is labeled. */
  readonly label: number | undefined;
  readonly confidence: number | undefined;
}

/** How far a build is, as the page shows it. */
export interface BuildState {
  readonly isFinished: boolean;
  readonly stages: readonly StageStatus[];
  readonly newest: readonly NewImage[];
  /** Tasks of the newest submission to a scheduler, by state; undefined without one. */
  readonly tasks: Readonly<Record<string, number>> | undefined;
}

/**
 * Reads how far a run is for any number of visitors: the run folder at most every two seconds, the scheduler's queue
 * at most every half minute, or at once after another submission, and neither twice at a time.
 * @returns reads it, from receipts, and writes nothing. Throws as `readStatus`
 */
export function shareBuildState(served: ServedRun): () => Promise<BuildState> {
  const listShared = shareAnswer(queueKeptMs, listTasks);
  // A queue that was listed before a submission would lack its tasks, which would then count as failed.
  const askQueue = ({ jobs }: SubmissionRecord) => listShared(JSON.stringify(jobs));
  return shareAnswer(stateKeptMs, () => readBuildState(served, askQueue));
}

async function readBuildState(
  served: ServedRun,
  askQueue: (submission: SubmissionRecord) => Promise<readonly QueuedTask[]>,
): Promise<BuildState> {
  const current = await refreshRun(served);
  const { stages, isFinished, tasks } = await readStatus(current.folder, undefined, askQueue);
  const byState: Record<string, number> = {};
  for (const { state } of tasks ?? []) byState[state] = (byState[state] ?? 0) + 1;
  return { isFinished, stages, newest: await readNewest(current), tasks: tasks === undefined ? undefined : byState };
}

/** The last images of the unit that was sampled last, and of those before it. */
async function readNewest({ folder, run }: ServedRun): Promise<NewImage[]> {
  const done = await listReceipts(folder, "sample");
  const asked = run.units.filter(({ name }) => done.has(name)).slice(-numAsked);
  const dated = await Promise.all(
    asked.map(async (unit) => {
      const found = await readFileFactsIfAny(folder.receipt("sample", unit.name));
      return { unit, endedMs: found?.modifiedMs ?? 0 };
    }),
  );
  const images: NewImage[] = [];
  for (const { unit } of dated.sort((a, b) => b.endedMs - a.endedMs)) {
    const isLabeled = await fileExists(folder.receipt("label", unit.name));
    // A label that is being written is shown next time.
    const labels = isLabeled ? await readProbabilities(run, unit).catch(() => undefined) : undefined;
    for (let id = unit.idEnd - 1; id >= unit.idStart; id--) {
      if (images.length === numNewest) return images;
      const start = (id - unit.idStart) * 10;
      const ofRow = labels?.subarray(start, start + 10);
      const label = ofRow === undefined ? undefined : argmax(ofRow);
      images.push({ id, label, confidence: label === undefined ? undefined : ofRow![label] });
    }
  }
  return images;
}
