import { chmod, mkdir, readFile, writeFile } from "node:fs/promises";
import { delimiter, dirname, join } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import { writeRecord } from "../../../pipeline/cluster/submission-record.ts";
import { resolveConfig } from "../../../pipeline/run/config.ts";
import { openRun, type Run } from "../../../pipeline/run/run.ts";
import { runFolderAt } from "../../../pipeline/run/run-folder.ts";
import type { BuildState } from "../../../pipeline/serve/build-state.ts";
import { shareAnswer } from "../../../pipeline/serve/share-answer.ts";
import { makeTestFolder } from "../../support/make-rows.ts";
import { startInProcess } from "./start-in-process.ts";

/** A clock that stands still until it is set forward, in milliseconds. */
function stopClock(): { forward(ms: number): void } {
  let nowMs = performance.now();
  const spy = vi.spyOn(performance, "now").mockImplementation(() => nowMs);
  onTestFinished(() => spy.mockRestore());
  return {
    forward: (ms) => {
      nowMs += ms;
    },
  };
}

/** Puts a program onto the PATH that stands in for `squeue`. @returns the lines that it has logged: its begins and ends */
async function installSqueue(): Promise<() => Promise<string[]>> {
  const folder = await makeTestFolder();
  const [program, log] = [join(folder, "squeue"), join(folder, "log")];
  await writeFile(log, "");
  const task = "7 0 RUNNING 0 1:00 None";
  await writeFile(program, `#!/bin/sh\necho begin >> "${log}"\nsleep 0.2\necho "${task}"\necho end >> "${log}"\n`);
  await chmod(program, 0o755);
  const path = process.env["PATH"];
  process.env["PATH"] = `${folder}${delimiter}${path}`;
  onTestFinished(() => {
    process.env["PATH"] = path;
  });
  return async () => (await readFile(log, "utf8")).split("\n").filter((line) => line !== "");
}

/** A run of four units, one rank, that was submitted. */
async function makeSubmittedRun(): Promise<Run> {
  const size = { count: 30, testCount: 10, unitSize: 10 };
  const run = await openRun(runFolderAt(join(await makeTestFolder(), "run")), resolveConfig(size));
  await writeRecord(run.folder, { tasks: 1, units: size, jobs: [{ name: "sample", jobId: "7", ranks: [0] }] });
  return run;
}

test("however many pages ask for the build, the scheduler is asked once in half a minute", async () => {
  const calls = await installSqueue();
  const clock = stopClock();
  const run = await makeSubmittedRun();
  const { server } = await startInProcess(run.folder.root);
  const state = async () => (await (await fetch(`${server.origin}/build.json`)).json()) as BuildState;
  const states = await Promise.all(Array.from({ length: 6 }, state));
  for (const one of [...states, await state()]) expect(one.tasks).toEqual({ running: 1 });
  expect(await calls()).toEqual(["begin", "end"]);

  // What the run folder says is read anew long before that.
  const receipt = run.folder.receipt("sample", run.units[0]!.name);
  await mkdir(dirname(receipt), { recursive: true });
  await writeFile(receipt, "");
  expect((await state()).stages[0]!.numDone).toBe(0);
  clock.forward(3000);
  expect((await Promise.all([state(), state()])).map(({ stages }) => stages[0]!.numDone)).toEqual([1, 1]);
  expect(await calls()).toEqual(["begin", "end"]);

  clock.forward(30_000);
  await Promise.all([state(), state()]);
  expect(await calls()).toEqual(["begin", "end", "begin", "end"]);
});

test("after another submission the queue is listed anew, so that its tasks do not count as failed", async () => {
  const calls = await installSqueue();
  const clock = stopClock();
  const run = await makeSubmittedRun();
  const { server } = await startInProcess(run.folder.root);
  const tasks = async () => ((await (await fetch(`${server.origin}/build.json`)).json()) as BuildState).tasks;
  expect(await tasks()).toEqual({ running: 1 });
  await writeRecord(run.folder, {
    ...{ tasks: 1, units: { count: 30, testCount: 10, unitSize: 10 } },
    jobs: [
      { name: "sample", jobId: "7", ranks: [0] },
      { name: "label", jobId: "8", ranks: [0] },
    ],
  });
  clock.forward(3000);
  await tasks();
  expect(await calls()).toHaveLength(4);
});

test("an answer or an error is shared as long as it is kept, and work never overlaps", async () => {
  const clock = stopClock();
  let [numCalls, numUnderWay, most] = [0, 0, 0];
  const ask = shareAnswer(1000, async () => {
    const call = ++numCalls;
    most = Math.max(most, ++numUnderWay);
    // While the work is done, time passes, which must not count.
    clock.forward(5000);
    await new Promise((resolve) => setImmediate(resolve));
    numUnderWay--;
    if (call === 2) throw new Error("call 2");
    return call;
  });
  expect(await Promise.all([ask(), ask()])).toEqual([1, 1]);
  clock.forward(999);
  expect(await ask()).toBe(1);
  clock.forward(1);
  await expect(ask()).rejects.toThrow("call 2");
  await expect(ask()).rejects.toThrow("call 2");
  // Another topic waits for the work before it.
  clock.forward(1000);
  expect(await Promise.all([ask("a"), ask("b"), ask("b")])).toEqual([3, 4, 4]);
  expect(most).toBe(1);
});
