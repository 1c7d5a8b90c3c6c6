import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, utimes, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { expect, inject, test, vi } from "vitest";
import { writeFinish } from "../../../pipeline/cluster/finish-record.ts";
import { planSubmission, readProgress, unitKeys } from "../../../pipeline/cluster/plan-submission.ts";
import { writeRecord } from "../../../pipeline/cluster/submission-record.ts";
import { resolveConfig } from "../../../pipeline/run/config.ts";
import { openRun, type Run, readRun } from "../../../pipeline/run/run.ts";
import { runFolderAt } from "../../../pipeline/run/run-folder.ts";
import { readLastLine } from "../../../pipeline/status/last-line.ts";
import { readStatus } from "../../../pipeline/status/read-status.ts";
import { measureRate } from "../../../pipeline/status/stage-rate.ts";
import { taskStates } from "../../../pipeline/status/task-states.ts";
import { summarizeStatus } from "../../../scripts/cli/summarize-status.ts";
import { errorOf } from "../../support/expect-error.ts";
import { makeTestFolder } from "../../support/make-rows.ts";
import { runBuild } from "../../support/run-build.ts";
import { runInProcess } from "../../support/run-in-process.ts";
import { standInRuntime } from "../../support/stand-in-runtime.ts";

/** A run of 40 units of 10 images. */
async function makeRun(name = "run"): Promise<Run> {
  const config = resolveConfig({ count: 300, testCount: 100, unitSize: 10 });
  return await openRun(runFolderAt(join(await makeTestFolder(), name)), config);
}

/** Puts an empty receipt where each of some units has its own. Status reads none. */
async function markDone(
  run: Run,
  stage: "sample" | "label",
  indices: readonly number[],
  endedMs?: (index: number) => number,
) {
  for (const index of indices) {
    const path = run.folder.receipt(stage, run.units[index]!.name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, "");
    if (endedMs !== undefined) await utimes(path, endedMs(index) / 1000, endedMs(index) / 1000);
  }
}

const range = (count: number) => Array.from({ length: count }, (_, index) => index);

test("the status counts units by the names of receipts, of all workers or of one", async () => {
  const run = await makeRun();
  await markDone(run, "sample", [0, 1, 2, 4, 8]);
  const { stages, isPrepared, isFinished, tasks } = await readStatus(run.folder);
  expect({ isPrepared, isFinished, tasks }).toEqual({ isPrepared: false, isFinished: false, tasks: undefined });
  expect(stages.map(({ numDone, numUnits }) => [numDone, numUnits])).toEqual([
    [5, 40],
    [0, 40],
    [0, 40],
    [0, 40],
    [0, 40],
  ]);
  const own = await readStatus(run.folder, { rank: 0, worldSize: 4 });
  expect(own.stages[0]).toMatchObject({ name: "sample", numDone: 3, numUnits: 10, imagesLeft: 70 });
  const { stdout } = await runInProcess(["status", run.folder.root, "--rank", "0", "--world-size", "4"]);
  expect(stdout).toMatch(/^prepare +not needed\nsample +3 of 10 units +30.0% /);
  expect(stdout).toMatch(/\nlabel +0 of 10 units +0.0% +waits for sample\n/);
});

test("watching ends when nobody reads what it prints", async () => {
  const run = await makeRun();
  const script = join(inject("compiledFolder"), "scripts", "cifar5m.js");
  const child = spawn(process.execPath, [script, "status", run.folder.root, "--watch"]);
  child.stdout.destroy();
  expect(await once(child, "close")).toEqual([0, null]);
});

test.each([1, 4, undefined])("the speed of %s workers is that since their last pause", async (numRanks) => {
  const run = await makeRun();
  const nowMs = 1.7e12;
  // A unit of ten images each second, a night without work, and then three units each second.
  const endedMs = (index: number) => (index < 20 ? nowMs - 86_400_000 + 1000 * index : nowMs - 333 * (29 - index));
  await markDone(run, "sample", range(30), endedMs);
  const measured = { folder: run.folder, stage: "sample", numRanks } as const;
  const rate = await measureRate({ ...measured, done: run.units.slice(0, 30), nowMs });
  expect(rate).toBeCloseTo(30, 0);
  expect(await measureRate({ ...measured, done: run.units.slice(0, 20), nowMs })).toBeUndefined();
  const rateThen = await measureRate({ ...measured, done: run.units.slice(0, 20), nowMs: endedMs(19) });
  expect(rateThen).toBeCloseTo(10, 0);
});

test.each([4, undefined])("workers whose slow units end together have no pause between them: %s", async (numRanks) => {
  const run = await makeRun();
  const nowMs = 1.7e12;
  const hour = 3_600_000;
  await markDone(run, "sample", range(40), (index) => nowMs - hour * (9 - Math.floor(index / 4)) + (index % 4));
  const rate = await measureRate({ folder: run.folder, stage: "sample", numRanks, done: run.units, nowMs });
  expect(rate! * 3600).toBeCloseTo(43, 0);
});

test("a task that the scheduler has forgotten has failed if its units are missing", () => {
  const jobs = [
    { name: "sample", jobId: "7", ranks: [0, 1, 2, 3] },
    { name: "dedup", jobId: "8" },
  ];
  const task = { hasBegun: true, restarts: 0, reason: "None" };
  const queued = [
    { ...task, jobId: "7", rank: 0, state: "RUNNING" },
    { ...task, jobId: "7", rank: 1, state: "PENDING", restarts: 2, reason: "BeginTime" },
    { ...task, jobId: "7", rank: 2, state: "TIMEOUT" },
    { ...task, jobId: "8", rank: undefined, state: "CANCELLED", hasBegun: false },
    { ...task, jobId: "6", rank: 3, state: "RUNNING" },
  ];
  const states = (missing: boolean) => taskStates({ jobs }, queued, () => missing).map(({ state }) => state);
  expect(states(true)).toEqual(["running", "queued", "failed", "failed", "dropped"]);
  expect(states(false)).toEqual(["running", "queued", "ended", "ended", "ended"]);
});

test("a run whose last job failed after the manifest was written is not finished, until that job has done all of its work", async () => {
  const root = join(await makeTestFolder(), "run");
  await runBuild({ root, runtime: standInRuntime(), sources: {} });
  const folder = runFolderAt(root);
  const { units, config } = await readRun(folder);
  const to = "s3://bucket/set";
  const record = { tasks: 1, units: unitKeys(config), to, jobs: [{ name: "finish", jobId: "9" }] };
  const failedTask = { jobId: "9", rank: undefined, state: "FAILED", hasBegun: true, restarts: 0, reason: "" };
  const look = async () => await readStatus(folder, undefined, async () => [failedTask]);
  const plan = async () =>
    planSubmission({ ...(await readProgress(folder, units, record)), isPrepared: true }, { tasks: 1, uploads: false });
  expect((await look()).isFinished).toBe(true);
  await writeRecord(folder, record);
  for (const uploaded of [undefined, "s3://bucket/other"]) {
    const status = await look();
    expect(status).toMatchObject({ isFinished: false, failed: [{ job: "finish", schedulerState: "FAILED" }] });
    const lines = summarizeStatus(status, folder).join("\n");
    expect(lines).toMatch(/^finish +not yet +1 failed\nfailed: finish, job 9, FAILED: .*\nlogs: /m);
    expect(lines).toContain(`\`cifar5m submit slurm ${root}\`, with the same options, submits what is missing`);
    expect(await plan()).toEqual([{ name: "finish" }]);
    await writeFinish(folder, uploaded);
  }
  await writeFinish(folder, to);
  expect(await look()).toMatchObject({ isFinished: true, failed: [] });
  expect(await plan()).toEqual([]);
});

test("a submitted run has a status before anything is pinned, also where no scheduler can be asked", async () => {
  const folder = runFolderAt(join(await makeTestFolder(), "it's"));
  const units = { count: 300, testCount: 0, unitSize: 50 };
  await writeRecord(folder, { tasks: 3, units, jobs: [{ name: "prepare", jobId: "1" }] });
  vi.stubEnv("PATH", "/nowhere");
  try {
    const { exitCode, stdout } = await runInProcess(["status", folder.root]);
    expect(exitCode).toBe(0);
    expect(stdout).toContain("tasks: unknown, for this machine cannot ask Slurm");
    expect(stdout).toContain(`logs: tail -F '${folder.root.replace("it's", "it'\\''s")}/submit/logs'/*.log`);
    const report = JSON.parse((await runInProcess(["status", folder.root, "--json"])).stdout);
    expect(report).toMatchObject({
      tasks: null,
      stages: [{ numDone: 0, numUnits: 6, secondsLeft: null }, {}, {}, {}, {}],
    });
  } finally {
    vi.unstubAllEnvs();
  }
});

test("what is not a run has no status, and a record that another version wrote is refused in one line", async () => {
  const root = join(await makeTestFolder(), "none");
  await errorOf(() => readStatus(runFolderAt(root)), "run/missing");
  const { sealJson } = await import("../../../storage/canonical-json.ts");
  await mkdir(join(root, "submit"), { recursive: true });
  await writeFile(join(root, "submit", "jobs.json"), sealJson({ version: 9, tasks: 3 }));
  for (const args of [
    ["status", root],
    ["submit", "slurm", root, "--tasks", "3", "--dry-run"],
  ]) {
    const { exitCode, stderr } = await runInProcess(args);
    expect(stderr).toMatch(/^submission\/version-unsupported: .*jobs\.json must have format version 1, got 9\. .*\n$/);
    expect(exitCode).toBe(1);
  }
});

test("the last line of a log is the one that says why, not that something ended", async () => {
  const log = join(await makeTestFolder(), "log");
  expect(await readLastLine(log)).toBeUndefined();
  await writeFile(
    log,
    `${"x".repeat(9000)}\ndisk/full: no space\nsrun: error: n1: task 0: Exited\n== sample, ended with 1\n\n`,
  );
  expect(await readLastLine(log)).toBe("disk/full: no space");
  await writeFile(log, "== sample, task 0\nslurmstepd-n1: error: *** CANCELLED\n");
  expect(await readLastLine(log)).toBe("slurmstepd-n1: error: *** CANCELLED");
});

test("the lines of a status are these", async () => {
  const stage = {
    name: "sample",
    numDone: 41_230,
    numUnits: 60_000,
    imagesLeft: 187_700_000,
    imagesPerSecond: 12_416,
  } as const;
  const none = { numDone: 0, numUnits: 60_000, imagesLeft: 6e8, imagesPerSecond: undefined };
  const task = {
    job: "sample",
    jobId: "7",
    rank: 0,
    state: "running",
    schedulerState: "RUNNING",
    reason: undefined,
    restarts: 0,
  } as const;
  const failed = { ...task, rank: 5, state: "failed", schedulerState: "TIMEOUT" } as const;
  const waiting = { ...task, job: "label", state: "queued", reason: "PartitionTimeLimit" } as const;
  const lines = summarizeStatus(
    {
      stages: [stage, { name: "label", ...none }],
      ...{ isPrepared: true, isFinished: false, trainings: [] },
      submission: { tasks: 64, units: { count: 1, testCount: 1, unitSize: 1 }, jobs: [] },
      tasks: [task, { ...task, state: "queued", restarts: 1 }, failed, waiting],
      failed: [{ ...failed, log: "L", lastLine: "disk/full: no space" }],
    },
    runFolderAt("runs/big"),
  );
  expect(lines).toEqual([
    "prepare  done",
    "sample   41,230 of 60,000 units  68.7%  12,400 images/s, 4 h 11 min left, 1 running, 1 queued again, 1 failed",
    "label    0 of 60,000 units       0.0%   waits for sample, 1 queued (PartitionTimeLimit)",
    "finish   not yet",
    "failed: sample rank 5, job 7_5, TIMEOUT: disk/full: no space (L)",
    "logs: tail -F runs/big/submit/logs/*.log",
  ]);
});
