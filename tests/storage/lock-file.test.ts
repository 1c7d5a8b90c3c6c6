import { spawn } from "node:child_process";
import { access, readdir, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { withLock } from "../../storage/lock-file.ts";
import { thisProcess, visibleProcesses } from "../../storage/process-identity.ts";
import { makeTestFolder } from "../support/make-rows.ts";

const refusal = () => new Error("taken");

async function lockOf(holder: object): Promise<string> {
  const path = join(await makeTestFolder(), "lock");
  await writeFile(path, JSON.stringify({ host: "there", pid: 1, sinceMs: 0, ...holder }));
  return path;
}

test("of many callers at once one works, and the others are told who does", async () => {
  const folder = await makeTestFolder();
  const path = join(folder, "lock");
  let working = 0;
  const outcomes = await Promise.allSettled(
    Array.from({ length: 20 }, () =>
      withLock(
        path,
        async () => {
          expect(++working).toBe(1);
          await new Promise((resolve) => setTimeout(resolve, 20));
          working--;
        },
        ({ pid }) => new Error(`taken by ${pid}`),
      ),
    ),
  );
  expect(outcomes.some(({ status }) => status === "fulfilled")).toBe(true);
  for (const outcome of outcomes) {
    if (outcome.status === "rejected") expect(outcome.reason.message).toBe(`taken by ${process.pid}`);
  }
  expect(await readdir(folder)).toEqual([]);
});

test("the lock of a killed process on this machine is taken over at once", async () => {
  const child = spawn("sleep", ["100"]);
  child.kill("SIGKILL");
  await new Promise((resolve) => child.on("close", resolve));
  const path = await lockOf({ visibleProcesses, thisProcess: `${child.pid}.1` });
  expect(await withLock(path, async () => "done", refusal)).toBe("done");
  await expect(access(path)).rejects.toThrow();
});

test("a lock of a living process, or of another machine, is respected; that of another machine for ten minutes", async () => {
  const ours = await lockOf({ visibleProcesses, thisProcess });
  await expect(withLock(ours, async () => "done", refusal)).rejects.toThrow("taken");
  const theirs = await lockOf({ visibleProcesses: "000000000000", thisProcess: "1.1" });
  await expect(withLock(theirs, async () => "done", refusal)).rejects.toThrow("taken");
  const before = new Date(Date.now() - 601_000);
  await utimes(theirs, before, before);
  expect(await withLock(theirs, async () => "done", refusal)).toBe("done");
});

test("work that fails lets the lock go", async () => {
  const path = join(await makeTestFolder(), "lock");
  const fail = async () => {
    throw new Error("failed");
  };
  await expect(withLock(path, fail, refusal)).rejects.toThrow("failed");
  expect(await withLock(path, async () => "done", refusal)).toBe("done");
});
