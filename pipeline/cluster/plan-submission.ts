import { readManifestIfAny } from "../../shards/format/manifest-file.ts";
import type { Manifest } from "../../shards/index.ts";
import { isPrepared } from "../prepare.ts";
import type { Config } from "../run/config.ts";
import { listReceipts } from "../run/list-receipts.ts";
import { listsUnits } from "../run/lists-units.ts";
import type { RunFolder } from "../run/run-folder.ts";
import { type UnitStage, unitStages } from "../run/unit-files.ts";
import type { Unit } from "../run/units.ts";
import { type ClusterJob, type ClusterJobName, clusterJobs } from "./cluster-jobs.ts";
import { isFinishDone } from "./finish-record.ts";
import type { SubmissionRecord } from "./submission-record.ts";

/** How far a run is, by the names of its files. */
export interface RunProgress {
  readonly units: readonly Unit[];
  /** Names of finished units, by stage. */
  readonly done: Readonly<Record<UnitStage, ReadonlySet<string>>>;
  readonly isPrepared: boolean;
  /** That of what was published last. Of an earlier size, it lists fewer units. */
  readonly manifest: Manifest | undefined;
  /** Whether the manifest lists all units, and if the run was submitted, its last job has checked and uploaded them. */
  readonly isFinished: boolean;
}

/**
 * Reads how far the units of a run are. It lists folders and reads the manifest, but no receipt.
 * @param submission - what was submitted before, if anything
 * @throws Cifar5mError `disk/…`; `json/corrupt`, `manifest/…`, `finish/invalid`, `finish/version-unsupported`
 */
export async function readProgress(
  folder: RunFolder,
  units: readonly Unit[],
  submission?: Pick<SubmissionRecord, "to">,
): Promise<RunProgress> {
  const lists = await Promise.all(
    unitStages.map(
      async (stage): Promise<[UnitStage, ReadonlySet<string>]> => [stage, await listReceipts(folder, stage)],
    ),
  );
  const manifest = await readManifestIfAny(folder.dataset);
  const isPublished = manifest !== undefined && listsUnits(manifest, units);
  return {
    units,
    manifest,
    isFinished: isPublished && (submission === undefined || (await isFinishDone(folder, submission, manifest))),
    done: Object.fromEntries(lists) as Record<UnitStage, ReadonlySet<string>>,
    isPrepared: await isPrepared(folder),
  };
}

/** A job to submit. By default it begins when all jobs before it in the plan have succeeded. */
export interface PlannedJob {
  readonly name: ClusterJobName;
  /** The ranks that have units missing; undefined for a job of one task. */
  readonly ranks?: readonly number[];
  /** A job before it with the same ranks: each task follows the task of its own rank there, not the whole job. */
  readonly afterRanksOf?: ClusterJobName;
  /** The only jobs that it follows, where they are in the plan. */
  readonly after?: readonly ClusterJobName[];
}

/** Plans the jobs that are missing, with the ranks that have units missing. @param tasks - number of ranks */
export function planSubmission(
  progress: RunProgress,
  { tasks, uploads }: { readonly tasks: number; readonly uploads: boolean },
): PlannedJob[] {
  const planned: PlannedJob[] = progress.isPrepared ? [] : [{ name: "prepare" }];
  for (const job of clusterJobs.filter(({ stages }) => stages.length > 0)) {
    const ranks = ranksWithMissing(progress, job, tasks);
    if (ranks.length === 0) continue;
    if (!job.isShared) planned.push({ name: job.name });
    else if (job.name === "label") planned.push(...planLabeling(planned, ranks));
    else planned.push({ name: job.name, ranks });
  }
  if (planned.length > 0 || !progress.isFinished || uploads) planned.push({ name: "finish" });
  return planned;
}

/** A rank labels its own samples, so it need not wait for those of the other ranks. */
function planLabeling(before: readonly PlannedJob[], ranks: readonly number[]): PlannedJob[] {
  const sampling = new Set(before.find(({ name }) => name === "sample")?.ranks);
  const after = ranks.filter((rank) => sampling.has(rank));
  const others = ranks.filter((rank) => !sampling.has(rank));
  return [
    ...(after.length === 0 ? [] : [{ name: "label", ranks: after, afterRanksOf: "sample" } as const]),
    ...(others.length === 0 ? [] : [{ name: "label", ranks: others, after: ["prepare"] } as const]),
  ];
}

/** The ranks, rising, that have units missing. */
export function ranksWithMissing({ units, done }: RunProgress, { stages }: ClusterJob, tasks: number): number[] {
  const missing = units.filter((unit) => stages.some((stage) => !done[stage].has(unit.name)));
  return [...new Set(missing.map((unit) => unit.index % tasks))].sort((a, b) => a - b);
}

/** Ranks as Slurm writes them: `0-2,7`. */
export function formatRanks(ranks: readonly number[]): string {
  const ranges: [number, number][] = [];
  for (const rank of ranks) {
    const last = ranges.at(-1);
    if (last !== undefined && last[1] === rank - 1) last[1] = rank;
    else ranges.push([rank, rank]);
  }
  return ranges.map(([first, last]) => (first === last ? String(first) : `${first}-${last}`)).join(",");
}

/** The keys of the configuration that say which units there are. */
export function unitKeys({ count, testCount, unitSize }: Config): Pick<Config, "count" | "testCount" | "unitSize"> {
  return { count, testCount, unitSize };
}
