import { resolve } from "node:path";
import * as z from "zod";
import { parseDevice } from "../../engine/device-name.ts";
import type { BuildSources } from "../../pipeline/build.ts";
import { type ClusterJobName, clusterJobs } from "../../pipeline/cluster/cluster-jobs.ts";
import { type Config, datasetKeys } from "../../pipeline/run/config.ts";
import { configArguments } from "./config-arguments.ts";
import { option, uploadTarget } from "./options.ts";
import { buildKeys, sourceOptions } from "./source-options.ts";

/** Options of `submit`, for every scheduler. */
export const clusterOptions = {
  tasks: z
    .int()
    .min(1)
    .max(100_000)
    .optional()
    .meta(option("number of tasks that share the work; it stays the same for the whole run")),
  gpus: z
    .int()
    .min(0)
    .max(64)
    .optional()
    .meta(option("GPUs of a task that samples or labels", { fallback: "1, with --device cpu 0" })),
  cpus: z.int().min(1).max(1024).default(4).meta(option("CPU cores of a task")),
  mem: z
    .string()
    .regex(/^[1-9]\d*[KMGT]$/, "must be a number with K, M, G or T")
    .default("8G")
    .meta(option("memory of a task", { advice: "Write it like 8G." })),
  ...sourceOptions,
  to: uploadTarget,
} as const;

/** Mebibytes of a size as `--mem` takes it. */
export function parseMemory(text: string): number {
  const units = { K: 1 / 1024, M: 1, G: 1024, T: 1024 ** 2 } as const;
  return Math.ceil(Number(text.slice(0, -1)) * units[text.slice(-1) as keyof typeof units]);
}

/** GPUs of a task: those that were asked for, or what the device needs. */
export function countGpus(given: number | undefined, { device }: Config): number {
  return given ?? (parseDevice(device).kind === "cpu" ? 0 : 1);
}

/**
 * The arguments of a job's command after its folder.
 * @param options.pathOf - how a path that the user named is written for the nodes
 */
function argumentsOf(
  name: ClusterJobName,
  options: {
    readonly config: Config;
    readonly sources: BuildSources;
    readonly walltime?: string;
    readonly to: string | undefined;
    readonly pathOf?: (path: string) => string;
  },
): string[] {
  const { config, sources, walltime, to, pathOf = resolve } = options;
  if (name !== "prepare") {
    return [...configArguments(config, datasetKeys), ...(name === "finish" && to !== undefined ? ["--to", to] : [])];
  }
  const files = (["data", "generator", "guide", "labeler"] as const).flatMap((key) => {
    const path = sources[key];
    return path === undefined ? [] : [`--${key}`, pathOf(path)];
  });
  return [...configArguments(config, buildKeys), ...files, ...(walltime === undefined ? [] : ["--walltime", walltime])];
}

/** Every job with its arguments. */
export function jobsWithArguments(options: Parameters<typeof argumentsOf>[1]) {
  return clusterJobs.map((job) => ({ job, args: argumentsOf(job.name, options) }));
}
