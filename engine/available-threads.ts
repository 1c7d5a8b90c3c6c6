import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";

/** Reads a small file; undefined if there is none. */
export type ReadText = (path: string) => string | undefined;

/**
 * The number of threads that can compute at the same time: the cores that this process may use, or the share of them that
 * its control group gives it. `availableParallelism` knows of such a share in newer versions of Node only.
 */
export function availableThreads(numCores = availableParallelism(), read: ReadText = readText): number {
  return threadQuota(numCores, read) ?? numCores;
}

/** The threads that the time which a control group allows is enough for; undefined if every core may be used. */
export function threadQuota(numCores = availableParallelism(), read: ReadText = readText): number | undefined {
  const quota = quotaOf(read);
  return quota === undefined || quota > numCores - 1 ? undefined : Math.ceil(quota);
}

/** The cores' worth of time that control groups allow, of which the smallest counts; undefined without a limit. */
function quotaOf(read: ReadText): number | undefined {
  const quotas = (read("/proc/self/cgroup") ?? "").split("\n").flatMap((line) => {
    const [id, controllers = "", path = "/"] = line.split(":");
    if (id === "0") return foldersUpTo("/sys/fs/cgroup", path).map((folder) => quotaV2(read(`${folder}/cpu.max`)));
    if (!controllers.split(",").includes("cpu")) return [];
    return foldersUpTo("/sys/fs/cgroup/cpu", path).map((folder) =>
      quotaV1(read(`${folder}/cpu.cfs_quota_us`), read(`${folder}/cpu.cfs_period_us`)),
    );
  });
  const limits = quotas.filter((quota) => quota !== undefined);
  return limits.length === 0 ? undefined : Math.min(...limits);
}

/** A group's folder and those above it, whose limits apply too. In a container the group's own path may not exist. */
function foldersUpTo(root: string, path: string): string[] {
  const names = path.split("/").filter((name) => name !== "" && name !== "..");
  return Array.from({ length: names.length + 1 }, (_, count) => [root, ...names.slice(0, count)].join("/"));
}

/** Of `max 100000` or `150000 100000`: the time and the period that it is for, microseconds. */
function quotaV2(text: string | undefined): number | undefined {
  const [time = "", period = ""] = (text ?? "").trim().split(/\s+/);
  return ratio(Number(time === "max" ? "" : time), Number(period));
}

function quotaV1(time: string | undefined, period: string | undefined): number | undefined {
  return ratio(Number(time ?? ""), Number(period ?? ""));
}

function ratio(time: number, period: number): number | undefined {
  return time > 0 && period > 0 ? time / period : undefined;
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}
