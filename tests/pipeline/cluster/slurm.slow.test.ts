import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runFolderAt } from "../../../pipeline/run/run-folder.ts";
import { readSpeedIfAny, writeSpeed } from "../../../pipeline/run/speed.ts";
import { writeColorModels } from "../../support/color-models.ts";
import { runCli } from "../../support/run-cli.ts";
import {
  findProcesses,
  missingForSlurm,
  releaseHeld,
  slurm,
  slurmForAllTests,
  statesOf,
  takeAllNodes,
  waitForEnd,
  waitUntil,
} from "../../support/slurm-cluster.ts";
import { hashFolder } from "../kill-build.ts";

const missing = missingForSlurm();
const execute = promisify(execFile);

/** 400 images in 8 units, each of some seconds of work, so that a kill can hit one. */
const size = ["--count", "300", "--test-count", "100", "--unit-size", "50", "--sampler.steps", "300"];
const resources = ["--tasks", "3", "--time", "5", "--mem", "500M", "--cpus", "1"];

describe.skipIf(missing !== undefined)(`on a real Slurm${missing === undefined ? "" : `: ${missing}`}`, () => {
  let folder: string;
  let models: string[];
  let expected: string[];

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "cifar5m-cluster-"));
    const { generator, labeler } = await writeColorModels(folder);
    models = ["--generator", generator, "--labeler", labeler];
    const one = join(folder, "one");
    expect(await runCli(["build", one, ...models, ...size, "--quiet"])).toMatchObject({ exitCode: 0, stderr: "" });
    expected = await hashFolder(one);
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));
  // After the folder's hooks, so that it ends before the folder is removed.
  const cluster = slurmForAllTests();

  const submit = (root: string, ...args: string[]) =>
    runCli(["submit", "slurm", root, ...models, ...size, ...resources, ...args]);

  /** A run that needs no `prepare` any more. */
  async function prepare(name: string, images: readonly string[] = size): Promise<string> {
    const root = join(folder, name);
    expect(await runCli(["prepare", root, ...models, ...images, "--quiet"])).toMatchObject({ exitCode: 0, stderr: "" });
    return root;
  }

  /** More than a minute of work on a machine of any speed, in units of seconds, and the set that one process makes of it. */
  async function buildLong(): Promise<{ readonly images: string[]; readonly files: readonly string[] }> {
    const unitsOf = (numUnits: number, unitSize: number) => [
      ...["--count", String(numUnits * unitSize), "--test-count", "0", "--unit-size", String(unitSize)],
      ...["--sampler.steps", "1000"],
    ];
    const trial = await prepare("trial", unitsOf(1, 25));
    const { sample } = (await readSpeedIfAny(runFolderAt(trial)))!;
    const images = unitsOf(48, Math.ceil((60 * sample) / 48));
    const one = join(folder, "long");
    expect((await runCli(["build", one, ...models, ...images, "--quiet"])).stderr).toBe("");
    return { images, files: await hashFolder(one) };
  }
  let building: ReturnType<typeof buildLong> | undefined;
  const long = () => (building ??= buildLong());

  /** The files of a set that is like that of one process, without what only a cluster has. */
  async function expectSame(root: string, files: readonly string[] = expected): Promise<void> {
    const found = await hashFolder(root);
    expect(found.filter((file) => !/^\/(submit\/|speed\.json )/.test(file))).toEqual(files);
  }

  async function status(root: string) {
    const { stdout, stderr } = await runCli(["status", root, "--json"]);
    expect(stderr).toBe("");
    return JSON.parse(stdout);
  }

  /** Waits until tasks of a job compute: they have begun a unit of their own. */
  async function waitForTasks(root: string, job: string, ranks: readonly number[]): Promise<void> {
    await waitUntil(async () => {
      const names = await readdir(join(root, "samples")).catch(() => []);
      const found = await Promise.all(
        ranks.map((rank) => findProcesses([job, "--run", root], [`CIFAR5M_RANK=${rank}`])),
      );
      return names.length > 0 && found.every((pids) => pids.length > 0);
    });
  }

  const jobsOf = async (root: string) => JSON.parse(await readFile(join(root, "submit", "jobs.json"), "utf8")).jobs;

  test("the chain makes the bytes of one process, and its status is told during and after", async () => {
    // A folder with characters that mean something to a shell, to Slurm and to its file names.
    const root = join(folder, `a 'run' of "50%a"`);
    await mkdir(root);
    const first = await submit(root);
    expect(first).toMatchObject({ exitCode: 0, stderr: "" });
    expect(first.stdout).toMatch(/^prepare +job \d+\nsample +job \d+, ranks 0-2\n/);
    expect(first.stdout).toContain("tail -F ");

    expect((await status(root)).stages[0]).toMatchObject({ name: "sample", numDone: 0, numUnits: 8 });
    const again = await submit(root);
    expect(again.stderr).toMatch(/^submit\/still-queued: .*scancel \d+ .*\n$/);
    expect(again.exitCode).toBe(1);

    await waitUntil(async () => (await status(root)).stages[0].numDone > 0);
    const during = await status(root);
    expect(during).toMatchObject({ isPrepared: true, isFinished: false, failed: [] });
    expect(during.tasks).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ job: "label", rank: 2 }),
        expect.objectContaining({ rank: 0 }),
      ]),
    );
    expect((await runCli(["status", root])).stdout).toMatch(/^sample +\d of 8 units .*\nlabel /m);

    await waitForEnd(root);
    await expectSame(root);
    expect(await status(root)).toMatchObject({ isFinished: true, failed: [] });
    expect((await runCli(["status", root])).stdout).toMatch(/\nfinish +done\nfinished\n$/);
    const log = await readFile(join(root, "submit", "logs", "sample-1.log"), "utf8");
    expect(log).toMatch(/^== sample, task 1 of 3, job \d+_1, on n\d at .*\nrank 1\/3 {2}sample +150 images/);
    expect(log).not.toMatch(/error|invalid/);
    expect((await submit(root)).stdout).toMatch(/^nothing is missing: .* is finished\n$/);
  });

  test("after kill -9 of one task nothing is left in the queue, and submit again does only what is missing", async () => {
    const root = await prepare("killed");
    await submit(root);
    await waitForTasks(root, "sample", [1]);
    for (const pid of await findProcesses(["sample", "--run", root], ["CIFAR5M_RANK=1"])) process.kill(pid, "SIGKILL");
    await waitForEnd(root);
    const states = await statesOf(root);
    expect(states).toEqual(expect.arrayContaining(["sample 1 FAILED", "label 0 COMPLETED", "label 2 COMPLETED"]));
    const { failed, isFinished } = await status(root);
    expect(isFinished).toBe(false);
    expect(failed[0]).toMatchObject({ job: "sample", rank: 1, log: join(root, "submit", "logs", "sample-1.log") });
    const text = (await runCli(["status", root])).stdout;
    expect(text).toMatch(/^finish .* 1 dropped$/m);
    expect(text).toMatch(/^failed: sample rank 1, job \d+_1, FAILED: /m);
    expect(text).toContain(
      `no job is in the queue: \`cifar5m submit slurm ${root}\`, with the same options, submits what is missing`,
    );

    expect(await submit(root)).toMatchObject({ exitCode: 0, stderr: "" });
    const jobs = await jobsOf(root);
    expect(jobs.map(({ name, ranks }: { name: string; ranks?: number[] }) => [name, ranks])).toEqual([
      ["sample", [1]],
      ["label", [1]],
      ["dedup", undefined],
      ["publish", [0, 1, 2]],
      ["finish", undefined],
    ]);
    await waitForEnd(root);
    await expectSame(root);
  });

  test("tasks that are preempted end in order, go back into the queue and go on", async () => {
    const { images, files } = await long();
    const root = await prepare("preempted", images);
    expect((await runCli(["submit", "slurm", root, ...models, ...images, ...resources])).stderr).toBe("");
    await waitForTasks(root, "sample", [0, 1, 2]);
    await takeAllNodes();
    const logsOf = () =>
      Promise.all([0, 1, 2].map((rank) => readFile(join(root, "submit", "logs", `sample-${rank}.log`), "utf8")));
    // 143: a program that had not yet begun when it was asked to end.
    await waitUntil(async () => (await logsOf()).every((log) => /ended with (130|143)/.test(log)));
    const { tasks } = await status(root);
    expect(tasks.filter(({ state }: { state: string }) => state === "failed")).toEqual([]);
    await waitForEnd(root);
    expect((await statesOf(root)).every((state) => state.endsWith("COMPLETED"))).toBe(true);
    await expectSame(root, files);
    const logs = await logsOf();
    expect(logs.map((log) => log.match(/^== sample, .* on /gm)!.length)).toEqual([2, 2, 2]);
    expect(logs.join("\n")).toContain("ended with 130");
  });

  test("a task that meets its walltime ends in order and goes on in the next one", async () => {
    const { images, files } = await long();
    const root = await prepare("walltime", images);
    // Slurm looks at the time of its jobs every half minute.
    const args = [...models, ...images, ...resources, "--time", "1", "--", "--signal=TERM@55"];
    // A task that Slurm ended before it had put itself back into the queue is submitted again, unless Slurm puts it back
    // only then.
    await waitUntil(async () => {
      const { stderr } = await runCli(["submit", "slurm", root, ...args]);
      if (stderr !== "") expect(stderr).toMatch(/^submit\/still-queued: /);
      await waitForEnd(root);
      return (await status(root)).isFinished;
    });
    await expectSame(root, files);
    const logs = await Promise.all(
      [0, 1, 2].map((rank) => readFile(join(root, "submit", "logs", `sample-${rank}.log`), "utf8")),
    );
    expect(logs.join("\n")).toContain("ended with 130");
    expect(logs.join("\n")).toContain("images done before");
  });

  test("a cancelled job is not revived, and the jobs after it do not wait for ever", async () => {
    const root = await prepare("cancelled");
    await submit(root);
    await waitForTasks(root, "sample", [0, 1, 2]);
    const [{ jobId }] = await jobsOf(root);
    await slurm("scancel", jobId);
    await waitUntil(async () => !(await statesOf(root)).some((state) => /PENDING|RUNNING|COMPLETING/.test(state)));
    await releaseHeld();
    expect((await statesOf(root)).filter((state) => /RUNNING|PENDING|COMPLETED/.test(state))).toEqual([]);
    expect((await status(root)).failed[0]).toMatchObject({ job: "sample", rank: 0 });
    await submit(root);
    await waitForEnd(root);
    await expectSame(root);
  });

  test("of two submits at once one is refused, and what the cluster cannot do is refused before anything is submitted", async () => {
    const root = await prepare("refused");
    const none = async (line: RegExp, ...args: string[]) => {
      const { stderr, stdout, exitCode } = await submit(root, ...args);
      expect(stderr).toMatch(line);
      expect(stderr.match(/\n/g)).toHaveLength(1);
      expect([stdout, exitCode === 0]).toEqual(["", false]);
      // Slurm remembers a job that it refuses for its size.
      expect((await statesOf(root)).filter((state) => !state.endsWith(" FAILED"))).toEqual([]);
    };
    await none(
      /^submit\/unknown-partition: --partition must be one of main, urgent, got gpus\. /,
      "--partition",
      "gpus",
    );
    await none(/^submit\/unknown-partition: --cpu-partition must be /, "--cpu-partition", "cpus");
    await none(
      /^submit\/walltime-too-long: --time must be at most 1:00:00 in partition main, got 2:00:00\. /,
      "--time",
      "2:00:00",
    );
    await none(/^usage\/out-of-range: --tasks must be at most 8, the number of units, got 9\. /, "--tasks", "9");
    await none(/^run\/config-changed: .*seed is 0, now 1/, "--seed", "1");
    await none(/^disk\/missing: .*nowhere\.onnx/, "--generator", join(folder, "nowhere.onnx"));
    await none(/^submit\/refused: sbatch refused: .*[Mm]emory/, "--mem", "900G");

    await writeSpeed(runFolderAt(root), { sample: 10, label: 100 });
    const slow =
      /^submit\/walltime-too-short: a unit of 50 images must take at most half of a task's 5 s, and takes about 5 s /;
    await none(slow, "--time", "0:08");

    const both = await Promise.all([submit(root), submit(root)]);
    expect(both.map(({ exitCode }) => exitCode).sort()).toEqual([0, 1]);
    expect(both.map(({ stderr }) => stderr).join("")).toMatch(/^submit\/(under-way|still-queued): .*\n$/);
    const jobs = (await jobsOf(root)) as { jobId: string }[];
    expect(new Set(jobs.map(({ jobId }) => jobId)).size).toBe(jobs.length);
    const ids = await slurm("squeue", "-h", "-o", "%F");
    expect([...new Set(ids.trim().split("\n"))].sort()).toEqual(jobs.map(({ jobId }) => jobId).sort());
    await slurm("scancel", ...jobs.map(({ jobId }) => jobId));
    await waitForEnd(root);
    const { stderr } = await submit(root, "--tasks", "2");
    expect(stderr).toMatch(/^submit\/tasks-changed: --tasks must be 3, .*jobs\.json.*\n$/);
  });

  test("the tasks of a node that dies go on elsewhere", async () => {
    const root = await prepare("dead-node");
    await submit(root);
    await waitForTasks(root, "sample", [0, 1, 2]);
    // All of a node at once: its daemon, the daemons of its jobs, and the jobs.
    const node = "n1";
    const [daemon] = await findProcesses(["slurmd", "-N", node]);
    const steps = await findProcesses([], [`SLURMD_NODENAME=${node}`]);
    for (const pid of [daemon!, ...(await stepDaemonsOf(steps)), ...steps]) {
      try {
        process.kill(pid, "SIGKILL");
      } catch {
        // It ended with another.
      }
    }
    await waitForEnd(root);
    await expectSame(root);
    await execute("slurmd", ["-N", node, "-f", join(cluster.folder(), "slurm.conf")]);
  });
});

/** The parents of jobs' processes that are Slurm's. */
async function stepDaemonsOf(pids: readonly number[]): Promise<number[]> {
  const parents = await Promise.all(
    pids.map(async (pid) => {
      const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
      const parent = Number(/^.*\) \S (\d+)/s.exec(stat)?.[1] ?? 0);
      const name = await readFile(`/proc/${parent}/comm`, "utf8").catch(() => "");
      return name.startsWith("slurmstepd") ? [parent] : [];
    }),
  );
  return [...new Set(parents.flat())];
}
