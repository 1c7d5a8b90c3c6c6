import { expect, test } from "vitest";
import { availableThreads, threadQuota } from "../../engine/available-threads.ts";

const readFrom = (files: Readonly<Record<string, string>>) => (path: string) => files[path];

const v2 = "/sys/fs/cgroup";
const v1 = "/sys/fs/cgroup/cpu";

test.each<[string, Record<string, string>, number]>([
  ["no control groups", {}, 8],
  ["no limit (version 2)", { "/proc/self/cgroup": "0::/\n", [`${v2}/cpu.max`]: "max 100000\n" }, 8],
  ["a container's limit", { "/proc/self/cgroup": "0::/\n", [`${v2}/cpu.max`]: "200000 100000\n" }, 2],
  ["a part of a core more", { "/proc/self/cgroup": "0::/\n", [`${v2}/cpu.max`]: "250000 100000\n" }, 3],
  ["less than a core", { "/proc/self/cgroup": "0::/\n", [`${v2}/cpu.max`]: "50000 100000\n" }, 1],
  ["more than there are cores", { "/proc/self/cgroup": "0::/\n", [`${v2}/cpu.max`]: "9900000 100000\n" }, 8],
  [
    "the smallest limit of the groups above",
    {
      "/proc/self/cgroup": "0::/slurm/job1/step0\n",
      [`${v2}/slurm/cpu.max`]: "max 100000\n",
      [`${v2}/slurm/job1/cpu.max`]: "400000 100000\n",
      [`${v2}/slurm/job1/step0/cpu.max`]: "600000 100000\n",
    },
    4,
  ],
  [
    "version 1",
    {
      "/proc/self/cgroup": "4:memory:/x\n3:cpu,cpuacct:/docker/abc\n0::/\n",
      [`${v1}/docker/abc/cpu.cfs_quota_us`]: "150000\n",
      [`${v1}/docker/abc/cpu.cfs_period_us`]: "50000\n",
    },
    3,
  ],
  [
    "version 1 without a limit",
    {
      "/proc/self/cgroup": "1:cpu:/\n",
      [`${v1}/cpu.cfs_quota_us`]: "-1\n",
      [`${v1}/cpu.cfs_period_us`]: "100000\n",
    },
    8,
  ],
  ["files that hold something else", { "/proc/self/cgroup": "nonsense", [`${v2}/cpu.max`]: "?" }, 8],
])("a process on 8 cores may use as many threads as its control group allows: %s", (_what, files, threads) => {
  expect(availableThreads(8, readFrom(files))).toBe(threads);
  expect(threadQuota(8, readFrom(files))).toBe(threads === 8 ? undefined : threads);
});

test("this process may use at least one thread", () => {
  expect(availableThreads()).toBeGreaterThanOrEqual(1);
});
