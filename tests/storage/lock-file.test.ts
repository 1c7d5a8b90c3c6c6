import { spawn } from "node:child_process";
import { access, readdir, readFile, rm, stat, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import { withLock } from "../../storage/lock-file.ts";
import { thisProcess, visibleProcesses } from "../../storage/process-identity.ts";
import { errorOf } from "../support/expect-error.ts";
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

test("where start times are unknown, a lock of ten minutes is stale although its number is that of a process again", async () => {
  const path = await lockOf({ visibleProcesses, thisProcess: `${process.ppid}.0` });
  await expect(withLock(path, async () => "done", refusal)).rejects.toThrow("taken");
  const before = new Date(Date.now() - 601_000);
  await utimes(path, before, before);
  expect(await withLock(path, async () => "done", refusal)).toBe("done");
});

const elsewhere = { visibleProcesses: "000000000000", thisProcess: "1.1" };

test("who watches a lock of another machine takes it over if nobody touches it, and is told of the holder if one does", async () => {
  const told: string[] = [];
  const watch = { signal: new AbortController().signal, ms: 1500, tell: (line: string) => void told.push(line) };
  const dead = await lockOf(elsewhere);
  expect(await withLock(dead, async () => "done", refusal, watch)).toBe("done");
  expect(told).toEqual([`waiting at most 1.5 s for ${dead}: process 1 on there holds it, or has died and left it`]);
  const alive = await lockOf(elsewhere);
  const outcome = withLock(alive, async () => "done", refusal, { ...watch, ms: 600_000 });
  const touching = setInterval(() => void utimes(alive, new Date(), new Date()), 100);
  await expect(outcome).rejects.toThrow("taken");
  clearInterval(touching);
  // It is let go while it is watched.
  const left = await lockOf(elsewhere);
  const waiting = withLock(left, async () => "done", refusal, { ...watch, ms: 600_000 });
  setTimeout(() => void rm(left), 300);
  expect(await waiting).toBe("done");
});

test("who watches a lock of another machine does not trust its clock", async () => {
  const alive = await lockOf(elsewhere);
  const anHourAgo = () => new Date(Date.now() - 3_600_000);
  await utimes(alive, anHourAgo(), anHourAgo());
  const watch = { signal: new AbortController().signal, ms: 600_000 };
  const touching = setInterval(() => void utimes(alive, anHourAgo(), anHourAgo()), 100);
  onTestFinished(() => clearInterval(touching));
  await expect(withLock(alive, async () => "done", refusal, watch)).rejects.toThrow("taken");
});

test("a lock that is watched can be interrupted", async () => {
  const path = await lockOf(elsewhere);
  const controller = new AbortController();
  const outcome = withLock(path, async () => "done", refusal, { signal: controller.signal, ms: 600_000 });
  controller.abort();
  await expect(outcome).rejects.toThrow("aborted");
  expect(JSON.parse(await readFile(path, "utf8"))).toMatchObject(elsewhere);
});

test("work that fails lets the lock go", async () => {
  const path = join(await makeTestFolder(), "lock");
  const fail = async () => {
    throw new Error("failed");
  };
  await expect(withLock(path, fail, refusal)).rejects.toThrow("failed");
  expect(await withLock(path, async () => "done", refusal)).toBe("done");
});

test("a lock that another machine took over meanwhile stays there when the work ends", async () => {
  const path = join(await makeTestFolder(), "lock");
  const theirs = JSON.stringify({ host: "there", pid: 1, sinceMs: 0, ...elsewhere });
  await withLock(path, () => writeFile(path, theirs), refusal);
  expect(await readFile(path, "utf8")).toBe(theirs);
  await expect(withLock(path, async () => "done", refusal)).rejects.toThrow("taken");
});

test("whoever works for long touches its lock, so that no other machine takes it over", async () => {
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
  onTestFinished(() => void vi.useRealTimers());
  const path = join(await makeTestFolder(), "lock");
  const ageOf = async () => Date.now() - (await stat(path)).mtimeMs;
  const work = async () => {
    const before = new Date(Date.now() - 3_600_000);
    await utimes(path, before, before);
    vi.advanceTimersByTime(60_000);
    await vi.waitUntil(async () => (await ageOf()) < 3_000_000, { timeout: 600_000 });
  };
  await withLock(path, work, refusal);
  await expect(access(path)).rejects.toThrow();
});

test("whoever lost its lock to another machine does not keep it alive", async () => {
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
  onTestFinished(() => void vi.useRealTimers());
  const path = join(await makeTestFolder(), "lock");
  const anHourAgo = new Date(Date.now() - 3_600_000);
  const work = async () => {
    await writeFile(path, JSON.stringify({ host: "there", pid: 1, sinceMs: 0, ...elsewhere }));
    await utimes(path, anHourAgo, anHourAgo);
    vi.advanceTimersByTime(60_000);
    await new Promise((resolve) => setTimeout(resolve, 200));
    return (await stat(path)).mtimeMs;
  };
  expect(await withLock(path, work, refusal)).toBeCloseTo(anHourAgo.getTime(), -2);
  // Its holder is dead, and nobody touches it.
  expect(await withLock(path, async () => "done", refusal)).toBe("done");
});

test.each(["", "{}", "held by me", '{"host":"there","pid":1'])(
  "a lock with the text %j is refused by its name",
  async (text) => {
    const path = join(await makeTestFolder(), "lock");
    await writeFile(path, text);
    const { message } = await errorOf(() => withLock(path, async () => "done", refusal), "lock/invalid");
    expect(message).toContain(`${path} must name the process that holds it, got `);
    expect(message).toContain("Delete it if no process");
    expect(await readFile(path, "utf8")).toBe(text);
  },
);
