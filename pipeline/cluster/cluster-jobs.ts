import type { UnitStage } from "../run/unit-files.ts";
import { imagesPerBucket } from "../stages/fingerprint-bucket.ts";

/** A job of the chain that builds a data set on a cluster. */
export interface ClusterJob {
  /** Its name, and the command that its tasks run. */
  readonly name: "prepare" | "sample" | "label" | "dedup" | "publish" | "finish";
  /** Whether it has a task for each rank; else it has one task. */
  readonly isShared: boolean;
  /** Whether its tasks need the configured device; the others need a CPU. */
  readonly usesDevice: boolean;
  /** The stages whose units it does. */
  readonly stages: readonly UnitStage[];
  /** Arguments of its command besides folder, configuration and worker. */
  readonly args: readonly string[];
}

/** The chain, in order. Slurm scripts, Kubernetes manifests and the status follow from it. */
export const clusterJobs: readonly ClusterJob[] = [
  { name: "prepare", isShared: false, usesDevice: true, stages: [], args: [] },
  { name: "sample", isShared: true, usesDevice: true, stages: ["sample"], args: [] },
  { name: "label", isShared: true, usesDevice: true, stages: ["label", "fingerprint"], args: [] },
  // Every task would read all fingerprints, and one that has ended its buckets would begin those of the others.
  { name: "dedup", isShared: false, usesDevice: false, stages: ["dedup"], args: [] },
  { name: "publish", isShared: true, usesDevice: false, stages: ["publish"], args: ["--no-manifest"] },
  { name: "finish", isShared: false, usesDevice: false, stages: [], args: [] },
];

export type ClusterJobName = ClusterJob["name"];

/** What the tasks of one job ask the scheduler for. */
export interface Resources {
  readonly cpus: number;
  /** Mebibytes. */
  readonly memoryMib: number;
  readonly gpus: number;
}

/** Memory of dedup's one task for each image of a bucket, bytes: its fingerprint, as it is read and as it is sorted. */
const dedupBytesPerImage = 41;

/**
 * The resources of a job's tasks.
 * @param options.perTask - what the user asks for; the jobs that need no device get no GPU
 * @param options.numImages - of the whole set: dedup holds a fingerprint of each, of one bucket at a time
 */
export function resourcesOf(
  job: ClusterJob,
  { perTask, numImages }: { readonly perTask: Resources; readonly numImages: number },
): Resources {
  const { cpus, memoryMib, gpus } = perTask;
  const dedupMib = Math.ceil((2e9 + dedupBytesPerImage * Math.min(numImages, imagesPerBucket)) / 2 ** 20);
  return {
    cpus,
    memoryMib: job.name === "dedup" ? Math.max(memoryMib, dedupMib) : memoryMib,
    gpus: job.usesDevice ? gpus : 0,
  };
}
