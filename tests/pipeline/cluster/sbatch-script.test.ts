import { execFileSync } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test, vi } from "vitest";
import { quoteWord } from "../../../core/quote-word.ts";
import { clusterJobs, resourcesOf } from "../../../pipeline/cluster/cluster-jobs.ts";
import { requireUnreserved, slurmEnvironment } from "../../../pipeline/cluster/slurm/reserved-options.ts";
import { type ScriptOptions, sbatchScript } from "../../../pipeline/cluster/slurm/sbatch-script.ts";
import { noticeSeconds, parseWalltime, workSeconds } from "../../../pipeline/cluster/slurm/walltime.ts";
import { errorOf } from "../../support/expect-error.ts";
import { makeTestFolder } from "../../support/make-rows.ts";

const perTask = { cpus: 4, memoryMib: 8192, gpus: 1 };

function scriptOf(index: number, more: Partial<ScriptOptions> = {}): string {
  const job = clusterJobs[index]!;
  return sbatchScript({
    ...{ job, root: "/scratch/big", tasks: 64, program: ["cifar5m"], args: ["--count", "600000"] },
    resources: resourcesOf(job, { perTask, numImages: 6_000_000 }),
    time: { text: "4:00:00", seconds: 14_400 },
    ...{ partition: undefined, maxRequeues: 100, setup: undefined, sbatchOptions: [] },
    ...more,
  });
}

test("the scripts of all jobs are these, and bash can read them", async () => {
  const odd = {
    root: '/data/it\'s "50%a"',
    partition: "gpu",
    setup: "module load nodejs",
    program: "apptainer exec --nv x.sif cifar5m",
  };
  for (const [index, { name }] of clusterJobs.entries()) {
    await expect(scriptOf(index)).toMatchFileSnapshot(`golden/${name}.sbatch`);
    for (const script of [scriptOf(index), scriptOf(index, odd)]) execFileSync("bash", ["-n"], { input: script });
  }
  await expect(scriptOf(1, { ...odd, sbatchOptions: ["--account", "a b", "--exclusive"] })).toMatchFileSnapshot(
    "golden/odd.sbatch",
  );
});

test.each([
  ["the end that Slurm tells", "1800000000", "", 1_800_000_000],
  ["the end that squeue prints", "", "2027-01-15T08:00:00", Date.UTC(2027, 0, 15, 8) / 1000],
  ["no end where squeue prints nothing", "", "", undefined],
  ["no end where there is none", "", "N/A", undefined],
])("a task works until %s", async (_, told, printed, end) => {
  const folder = await makeTestFolder();
  const writeProgram = async (name: string, line: string) => {
    await writeFile(join(folder, name), `#!/bin/sh\n${line}\n`, { mode: 0o755 });
  };
  await writeProgram("squeue", `echo '${printed}'`);
  await writeProgram("srun", `echo "until \${CIFAR5M_DEADLINE:-whenever}"`);
  const environment = { PATH: `${folder}:${process.env.PATH}`, TZ: "UTC", SLURMD_NODENAME: "n", SLURM_JOB_ID: "7" };
  const task = { SLURM_ARRAY_JOB_ID: "7", SLURM_ARRAY_TASK_ID: "3", SLURM_JOB_END_TIME: told };
  const options = { input: scriptOf(1), env: { ...environment, ...task }, stdio: "pipe" } as const;
  const output = execFileSync("bash", [], options).toString();
  expect(output).toContain(`until ${end === undefined ? "whenever" : end - 180}\n`);
});

test.each([
  ...[
    "--comment=lab",
    "--comment",
    "--comm=lab",
    "--job-name=x",
    "-J",
    "-Jx",
    "-HJx",
    "--array=0-5",
    "-a0-5",
    "--requeue",
  ],
  ...[
    "--no-requeue",
    "-d",
    "--dependency=singleton",
    "-o",
    "--error=x",
    "--signal=USR1",
    "--parsable",
    "-n2",
    "--wait",
  ],
  ...["--time=5", "-t5", "-c8", "--cpus-per-task=8", "-Mother"],
])("an option that the scripts set themselves is refused after --: %s", async (word) => {
  await errorOf(async () => requireUnreserved(["--account", "lab", word]), "usage/wrong");
});

test("other options of sbatch are taken, and no variable of the environment overrides the scripts", () => {
  const words = [
    "--account=lab",
    "-A",
    "lab",
    "--exclusive",
    "--time-min=5",
    "--mem=0",
    "--wckey=x",
    "--signal=TERM@300",
    "-plong",
    "-N1",
    "-H",
  ];
  expect(() => requireUnreserved(words)).not.toThrow();
  const variables = ["SBATCH_COMMENT", "SBATCH_JOB_NAME", "SBATCH_ARRAY_INX", "SBATCH_TIMELIMIT", "SQUEUE_STATES"];
  variables.push(
    "SBATCH_PARTITION",
    "SBATCH_MEM_PER_NODE",
    "SBATCH_MEM_PER_CPU",
    "SBATCH_GPUS",
    "SBATCH_GPUS_PER_TASK",
  );
  for (const name of [...variables, "SBATCH_ACCOUNT"]) vi.stubEnv(name, "x");
  const kept = slurmEnvironment();
  expect(variables.filter((name) => name in kept)).toEqual([]);
  expect(kept).toMatchObject({ PATH: process.env.PATH, SBATCH_ACCOUNT: "x" });
});

test.each(["plain", "it's", "$HOME `x` \\", 'a b"c', "", "ünï"])("a shell reads %j as it is", (word) => {
  expect(execFileSync("bash", ["-c", `printf %s ${quoteWord(word)}`]).toString()).toBe(word);
});

test("times are read as Slurm reads them", () => {
  const times = ["90", "1:30", "4:00:00", "2-12", "1-00:30", "1-00:00:01", "0", "4h", "", "infinite", "-1"];
  expect(times.map(parseWalltime)).toEqual([
    5400,
    90,
    14_400,
    216_000,
    88_200,
    86_401,
    ...new Array(5).fill(undefined),
  ]);
});

test("notice comes two minutes before the end, and sooner where a task has little time at all", () => {
  expect([14_400, 480, 60].map(noticeSeconds)).toEqual([120, 120, 15]);
  expect([14_400, 480, 60].map(workSeconds)).toEqual([14_220, 300, 38]);
});

test("dedup gets memory for the fingerprints of one bucket, whatever the set, and no job without a device a GPU", () => {
  const small = { ...perTask, memoryMib: 1024 };
  const dedupMib = (numImages: number) => resourcesOf(clusterJobs[3]!, { perTask: small, numImages }).memoryMib;
  expect([60_000, 6_000_000, 2 ** 24, 2 ** 24 + 1, 6_000_000_000].map(dedupMib)).toEqual([
    1910, 2142, 2564, 2564, 2564,
  ]);
  const all = clusterJobs.map((job) => resourcesOf(job, { perTask, numImages: 600_000_000 }));
  expect(all.map(({ gpus }) => gpus)).toEqual([1, 1, 1, 0, 0, 0]);
  expect(all.map(({ memoryMib }) => memoryMib)).toEqual([8192, 8192, 8192, 8192, 8192, 8192]);
});
