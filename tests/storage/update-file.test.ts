import { spawnSync } from "node:child_process";
import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { expect, inject, test } from "vitest";
import { readTextIfAny } from "../../storage/read-text.ts";
import { removeStaleTemporaries } from "../../storage/temporary-file.ts";
import { updateFile } from "../../storage/update-file.ts";
import { makeTestFolder } from "../support/make-rows.ts";
import { mountMemoryBucket } from "../support/memory-bucket.ts";

const { signal } = new AbortController();
const addOne = (present: string | undefined) => String(Number(present ?? 0) + 1);

test("of twenty callers that add one at the same time, none is lost, in a folder and in a bucket", async () => {
  const folder = await makeTestFolder();
  for (const root of [folder, mountMemoryBucket().root]) {
    const [path, lockPath] = [`${root}/count`, `${root}/lock`];
    const add = () => updateFile(path, { lockPath, signal: new AbortController().signal, change: addOne });
    await Promise.all(Array.from({ length: 20 }, add));
    expect(await readTextIfAny(path)).toBe("20");
  }
  expect(await readdir(folder)).toEqual(["count"]);
});

test("a caller that keeps the file writes nothing, and an error of its own reaches it and lets the lock go", async () => {
  const folder = await makeTestFolder();
  const [path, lockPath] = [join(folder, "count"), join(folder, "lock")];
  await updateFile(path, { lockPath, signal, change: () => undefined });
  expect(await readdir(folder)).toEqual([]);
  const change = () => {
    throw new Error("damaged");
  };
  await expect(updateFile(path, { lockPath, signal, change })).rejects.toThrow("damaged");
  await updateFile(path, { lockPath, signal, change: addOne });
  expect(await readFile(path, "utf8")).toBe("1");
});

/** A process that adds one to a count, and is killed when a call of the file system has done its work. */
const dyingAdder = (options: { path: string; lockPath: string; deadlyCall: number }) => `
  import files from "node:fs/promises";
  import { syncBuiltinESMExports } from "node:module";
  let numCalls = 0;
  for (const name of ["access", "link", "mkdir", "open", "readFile", "rename", "rm", "stat", "unlink"]) {
    const real = files[name];
    files[name] = async (...args) => {
      const result = await real(...args).catch((thrown) => thrown);
      if (numCalls++ === ${options.deadlyCall}) process.kill(process.pid, "SIGKILL");
      if (result instanceof Error) throw result;
      return result;
    };
  }
  syncBuiltinESMExports();
  const { updateFile } = await import(${JSON.stringify(pathToFileURL(join(inject("compiledFolder"), "storage", "update-file.js")).href)});
  const change = (present) => String(Number(present ?? 0) + 1);
  await updateFile(${JSON.stringify(options.path)}, { lockPath: ${JSON.stringify(options.lockPath)}, signal: new AbortController().signal, change });`;

test("wherever a caller is killed, the next one goes on, and nothing is left that cleaning does not remove", async () => {
  const folder = await makeTestFolder();
  const [path, lockPath] = [join(folder, "count"), join(folder, "lock")];
  let numKilled = 0;
  for (let count = 0, wasKilled = true; wasKilled; ) {
    const program = dyingAdder({ path, lockPath, deadlyCall: numKilled });
    const { signal: killedBy, stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", program], {
      encoding: "utf8",
    });
    expect(stderr).toBe("");
    wasKilled = killedBy === "SIGKILL";
    if (wasKilled) numKilled++;
    await updateFile(path, { lockPath, signal, change: addOne });
    await removeStaleTemporaries(folder);
    expect(await readdir(folder)).toEqual(["count"]);
    const now = Number(await readFile(path, "utf8"));
    expect([count + 1, count + 2]).toContain(now);
    count = now;
  }
  expect(numKilled).toBeGreaterThan(5);
});

test("who waits for the lock of another machine is told of it once, and goes on when it is let go", async () => {
  const folder = await makeTestFolder();
  const [path, lockPath] = [join(folder, "count"), join(folder, "lock")];
  await writeFile(
    lockPath,
    JSON.stringify({ host: "there", pid: 7, sinceMs: 0, visibleProcesses: "0", thisProcess: "7.1" }),
  );
  const told: string[] = [];
  const tell = (line: string) => {
    told.push(line);
    void rm(lockPath);
  };
  await updateFile(path, { lockPath, signal, change: addOne, tell });
  expect(told).toEqual([`waiting at most 600 s for ${lockPath}: process 7 on there holds it, or has died and left it`]);
  expect(await readFile(path, "utf8")).toBe("1");
});

test("a caller that waits for the lock of another machine, or for a bucket, ends when it is stopped", async () => {
  const folder = await makeTestFolder();
  const lock = JSON.stringify({ host: "there", pid: 7, sinceMs: 0, visibleProcesses: "0", thisProcess: "7.1" });
  const [path, lockPath] = [join(folder, "count"), join(folder, "lock")];
  await writeFile(lockPath, lock);
  const stop = new AbortController();
  const waiting = updateFile(path, { lockPath, signal: stop.signal, change: addOne, tell: () => stop.abort() });
  await expect(waiting).rejects.toMatchObject({ name: "AbortError" });
  expect(await readFile(lockPath, "utf8")).toBe(lock);

  const { root, objects } = mountMemoryBucket();
  const stopOfBucket = new AbortController();
  const isNeverFirst = (present: string | undefined) => {
    objects.set("count", { data: Buffer.from(addOne(present)), note: undefined });
    if (present === "3") stopOfBucket.abort();
    return "lost";
  };
  const racing = updateFile(`${root}/count`, { lockPath, signal: stopOfBucket.signal, change: isNeverFirst });
  await expect(racing).rejects.toMatchObject({ name: "AbortError" });
  expect(await readTextIfAny(`${root}/count`)).toBe("4");
});
