import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { access, mkdir, readdir, readFile, realpath, rm, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { expect, inject, test, vi } from "vitest";
import { runFolderAt } from "../../pipeline/run/run-folder.ts";
import { writeSpeed } from "../../pipeline/run/speed.ts";
import { withLock } from "../../storage/lock-file.ts";
import { writeColorModels } from "../support/color-models.ts";
import { makeTestFolder } from "../support/make-rows.ts";
import { runCli } from "../support/run-cli.ts";
import { runInProcess } from "../support/run-in-process.ts";

const execute = promisify(execFile);
const size = ["--count", "60", "--test-count", "0", "--unit-size", "20", "--sampler.steps", "2"];

async function prepare(): Promise<string> {
  const folder = await makeTestFolder();
  const { generator, labeler } = await writeColorModels(folder);
  const root = join(folder, "run");
  const models = ["--generator", generator, "--labeler", labeler];
  expect(await runCli(["prepare", root, ...models, ...size, "--quiet"])).toMatchObject({ exitCode: 0, stderr: "" });
  return root;
}

test("without a scheduler a submit is refused in one line, and --dry-run shows the scripts all the same", async () => {
  const root = join(await makeTestFolder(), "run");
  vi.stubEnv("PATH", "/nowhere");
  try {
    const submit = ["submit", "slurm", root, "--tasks", "3", ...size];
    const { exitCode, stdout, stderr } = await runInProcess(submit);
    expect(stderr).toMatch(/^submit\/no-scheduler: sinfo must be on the PATH, and is not: .*--dry-run\.\n$/);
    expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: "" });
    const shown = await runInProcess([...submit, "--dry-run", "--", "--account=lab"]);
    expect(shown.exitCode).toBe(0);
    expect(shown.stdout.match(/^#!\/bin\/bash$/gm)).toHaveLength(6);
    expect(shown.stdout.match(/^#SBATCH --account=lab$/gm)).toHaveLength(6);
    const taken = await runInProcess([...submit, "--dry-run", "--", "--comment=lab"]);
    expect(taken).toMatchObject({
      exitCode: 2,
      stdout: "",
      stderr: expect.stringMatching(/^usage\/wrong: after --, /),
    });
  } finally {
    vi.unstubAllEnvs();
  }
});

/** Programs of Slurm that answer as a small cluster does; some do not, as shell lines by name say. */
async function putSlurmOnPath(folder: string, others: Readonly<Record<string, string>> = {}): Promise<void> {
  const programs = join(folder, "slurm");
  await mkdir(programs, { recursive: true });
  const lines = {
    sinfo: 'echo "main*|1-00:00:00"',
    scontrol: 'echo "MaxArraySize            = 3"',
    squeue: "exit 0",
    sbatch: `echo >> ${folder}/jobs; set -- $(/usr/bin/wc -l ${folder}/jobs); echo $((100 + $1))`,
    scancel: `echo "$@" > ${folder}/cancelled`,
    ...others,
  };
  for (const [name, line] of Object.entries(lines)) {
    await writeFile(join(programs, name), `#!/bin/sh\n${line}\n`, { mode: 0o755 });
  }
  vi.stubEnv("PATH", programs);
}

test.skipIf(process.platform === "win32")(
  "what a cluster cannot do is refused in one line, before anything is submitted",
  async () => {
    const folder = await makeTestFolder();
    const root = join(folder, "run");
    await putSlurmOnPath(folder);
    const submit = ["submit", "slurm", root, ...size];
    const refused = async (args: readonly string[], line: RegExp, code = 2) => {
      const { exitCode, stdout, stderr } = await runInProcess([...submit, ...args]);
      expect(stderr).toMatch(line);
      expect({ exitCode, stdout }).toEqual({ exitCode: code, stdout: "" });
      expect(await readdir(folder)).not.toContain("jobs");
    };
    const four = ["--tasks", "4", "--unit-size", "10"];
    await refused(
      four,
      /^submit\/too-many-tasks: --tasks must be at most 3, the MaxArraySize of this cluster, got 4\. .*\n$/,
    );
    const days = ["--tasks", "2", "--time", "2-00:00:00"];
    await refused(
      days,
      /^submit\/walltime-too-long: --time must be at most 1-00:00:00 in partition main, got 2-00:00:00\. .*\n$/,
    );
    const gpus = ["--tasks", "2", "--partition", "gpus"];
    await refused(gpus, /^submit\/unknown-partition: --partition must be one of main, got gpus\. .*\n$/);
    await mkdir(join(root, "submit"), { recursive: true });
    await withLock(
      join(root, "submit", "lock"),
      () =>
        refused(
          ["--tasks", "2"],
          /^submit\/under-way: only one submit at a time may work on \S+, and process \d+ .*\n$/,
          1,
        ),
      () => new Error("the lock was taken"),
    );
    await putSlurmOnPath(folder, { squeue: `echo "7 cifar5m ${await realpath(root)}"` });
    await refused(
      ["--tasks", "2"],
      /^submit\/still-queued: no job of \S+ may be in the queue, and 1 is: 7\. .* scancel 7\n$/,
      1,
    );
  },
);

test.skipIf(process.platform === "win32")(
  "of a chain that cannot be submitted whole no job is left, or its jobs are named",
  async () => {
    const folder = await makeTestFolder();
    const submit = ["submit", "slurm", join(folder, "run"), "--tasks", "2", ...size];
    const third = `[ $1 -lt 3 ] || { echo "sbatch: error: Socket timed out" >&2; exit 1; }`;
    const sbatch = `echo >> ${folder}/jobs; set -- $(/usr/bin/wc -l ${folder}/jobs); ${third}; echo $((100 + $1))`;
    await putSlurmOnPath(folder, { sbatch });
    const cancelled = await runInProcess(submit);
    expect(cancelled.stderr).toBe(
      "submit/refused: sbatch refused: Socket timed out. Correct that, or work on a login node of the cluster, and run the same command again: nothing is lost.\n",
    );
    expect(await readFile(join(folder, "cancelled"), "utf8")).toBe("101 102\n");
    // Nothing of what was refused binds the next call.
    const others = await runInProcess([...submit.with(4, "1"), "--dry-run"]);
    expect(others).toMatchObject({ exitCode: 0, stderr: "" });
    await rm(join(folder, "jobs"));
    await putSlurmOnPath(folder, { sbatch, scancel: "exit 1" });
    const left = await runInProcess(submit);
    expect(left.stderr).toBe(
      "submit/half-submitted: sbatch refused: Socket timed out. Correct that, or work on a login node of the cluster, and run the same command again: nothing is lost. The jobs before it could not be cancelled, and are in the queue: scancel 101 102\n",
    );
    expect([cancelled.exitCode, left.exitCode]).toEqual([1, 1]);
  },
);

test.skipIf(process.platform === "win32")("jobs that an interrupted submit could not cancel are named", async () => {
  const folder = await makeTestFolder();
  const wait = `[ $1 -lt 3 ] || { touch ${folder}/waits; sleep 1; }`;
  const sbatch = `echo >> ${folder}/jobs; set -- $(wc -l ${folder}/jobs); ${wait}; echo $((100 + $1))`;
  await putSlurmOnPath(folder, { sbatch, scancel: "exit 1" });
  vi.stubEnv("PATH", `${join(folder, "slurm")}:/usr/bin:/bin`);
  const script = join(inject("compiledFolder"), "scripts", "cifar5m.js");
  const submit = spawn(process.execPath, [script, "submit", "slurm", join(folder, "run"), "--tasks", "2", ...size]);
  let stderr = "";
  submit.stderr.on("data", (text) => {
    stderr += String(text);
  });
  const ended = once(submit, "close");
  await vi.waitFor(() => access(join(folder, "waits")), 30_000);
  submit.kill("SIGINT");
  expect((await ended)[0]).toBe(1);
  expect(stderr).toMatch(/^submit\/half-submitted: .* are in the queue: scancel 101 102 103$/m);
  expect(stderr).not.toContain("interrupted:");
});

test.skipIf(process.platform === "win32")(
  "a script starts this installation's program, however it was started, and has no lines of others",
  async () => {
    const folder = await makeTestFolder();
    const program = join(inject("compiledFolder"), "scripts", "cifar5m.js");
    await symlink(program, join(folder, "cifar5m"));
    const submit = ["submit", "slurm", join(folder, "run"), "--tasks", "2", "--dry-run", ...size];
    const { stdout } = await execute(process.execPath, [join(folder, "cifar5m"), ...submit]);
    const alone = await runCli(submit.slice(2), "submit-slurm");
    expect(alone.stdout).toBe(stdout);
    expect(stdout.match(/^srun .*$/gm)).toHaveLength(6);
    for (const line of stdout.match(/^srun .*$/gm)!) expect(line).toContain(` ${await realpath(program)} `);
    const lined = await runCli(["submit", "slurm", join(folder, "a\ntouch b"), ...submit.slice(3)]);
    expect(lined.stderr).toMatch(/^usage\/wrong: what a batch script names must be on one line, .*\\ntouch b"\. /);
  },
);

test("--dry-run of a larger size lets no run grow", async () => {
  const root = await prepare();
  const { exitCode } = await runInProcess(["submit", "slurm", root, "--tasks", "3", "--count", "80", "--dry-run"]);
  expect({ exitCode, growth: await readdir(join(root, "growth")).catch(() => []) }).toEqual({
    exitCode: 0,
    growth: [],
  });
});

test.skipIf(process.platform === "win32")(
  "a submit that is refused, by us or by the scheduler, lets no run grow",
  async () => {
    const root = await prepare();
    const submit = ["submit", "slurm", root, "--tasks", "3", "--count", "100"];
    const refused = async (code: string) => {
      const { exitCode, stderr } = await runInProcess(submit);
      expect({ exitCode, stderr }).toEqual({ exitCode: 1, stderr: expect.stringContaining(code) });
      expect(await readdir(join(root, "growth")).catch(() => [])).toEqual([]);
    };
    vi.stubEnv("PATH", "/nowhere");
    await refused("submit/no-scheduler");
    await putSlurmOnPath(dirname(root), { squeue: `echo "7 cifar5m ${await realpath(root)}"` });
    await refused("submit/still-queued");
    await putSlurmOnPath(dirname(root), { sbatch: 'echo "sbatch: error: Invalid account" >&2; exit 1' });
    await refused("submit/refused");
    await putSlurmOnPath(dirname(root));
    expect(await runInProcess(submit)).toMatchObject({ exitCode: 0, stderr: "" });
    expect(await readdir(join(root, "growth"))).toHaveLength(1);
  },
);

test.skipIf(process.platform === "win32")(
  "where a set is uploaded is remembered, and what is printed can be typed",
  async () => {
    const folder = await makeTestFolder();
    const root = join(folder, "my run é");
    await putSlurmOnPath(folder);
    const submit = ["submit", "slurm", root, ...size];
    const first = await runInProcess([...submit, "--tasks", "2", "--to", join(folder, "copy of it")]);
    expect(first.stdout).toContain(`progress: cifar5m status '${root}'\n`);
    const again = await runInProcess(submit);
    expect(again.stdout).toContain(`upload: ${join(folder, "copy of it")}, as before\n`);
    const script = await readFile(join(root, "submit", "finish.sbatch"), "utf8");
    expect(script).toContain(`--to '${join(folder, "copy of it")}'`);
  },
);

test("jobs get options that equal their default, so that what the run or the model would say instead does not count", async () => {
  const root = join(await makeTestFolder(), "run");
  const guided = ["--generator", "x.onnx", "--sampler.guidance", "2", "--count", "5000000", "--claim", "disk"];
  const { stdout } = await runInProcess(["submit", "kubernetes", root, "--tasks", "2", "--image", "i", ...guided]);
  const args = stdout.replaceAll('"', "").replaceAll(/\n *- /g, " ");
  for (const flag of ["--sampler.guidance 2", "--count 5000000", "--test-count 1000000"]) {
    expect(args.split(flag).length - 1, flag).toBe(6);
  }
  expect(args).not.toContain("--labeler.epochs");
});

test("a worker whose time is over ends with 130 and keeps what is finished; one that can never do a unit fails", async () => {
  const root = await prepare();
  const sampleUntil = (secondsLeft: number) => {
    vi.stubEnv("CIFAR5M_DEADLINE", String(Math.floor(Date.now() / 1000) + secondsLeft));
    return runCli(["sample", root, "--quiet"]).finally(() => vi.unstubAllEnvs());
  };
  // Of 2,000 s a unit needs 1,500, then 400.
  await writeSpeed(runFolderAt(root), { sample: 20 / 1500, label: 1 });
  const hopeless = await sampleUntil(1000);
  expect(hopeless.stderr).toMatch(
    /^run\/walltime-too-short: train-00000 must end before the walltime, and needs about 1500 s .*\n$/,
  );
  expect(hopeless.exitCode).toBe(1);
  const late = await sampleUntil(-5);
  expect(late.stderr).toMatch(
    /^run\/no-time-left: train-00000 needs about 1500 s, and 0 s are left before the walltime\. /,
  );
  expect(late.exitCode).toBe(130);
  await writeSpeed(runFolderAt(root), { sample: 20 / 400, label: 1 });
  expect(await sampleUntil(2000)).toMatchObject({ exitCode: 0, stderr: "" });
});

test("the progress of a rank is of its own share, and names the rank", async () => {
  const root = await prepare();
  const { stderr } = await runCli(["sample", root, "--rank", "1", "--world-size", "3"]);
  expect(stderr).toMatch(/^rank 1\/3 {2}sample +20 images, /);
  const { stderr: alone } = await runCli(["sample", root]);
  expect(alone).toMatch(/^sample +40 images, .*, 20 images done before, /);
});
