import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { readdir, rm, writeFile } from "node:fs/promises";
import { constants } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { expect, inject, onTestFinished, test } from "vitest";
import { hashText } from "../../core/hash-text.ts";
import { withLock } from "../../storage/lock-file.ts";
import { visibleProcesses } from "../../storage/process-identity.ts";
import { removeStaleTemporaries } from "../../storage/temporary-file.ts";
import { makeTestFolder } from "../support/make-rows.ts";

const numProcesses = 4;

/** The text of a lock of a process that has died. */
const deadHolder = (sinceMs: number) =>
  `${JSON.stringify({ host: "here", pid: 999_999, sinceMs, visibleProcesses, thisProcess: "999999.1" })}\n`;

/**
 * What a process runs that tries to get a lock. Its calls of the file system are slow, so that others come between two of
 * them. Whoever works has its number in the file `inside`, and reports a living
 * process whose number is there already.
 */
const program = (path: string, loop: string) => `
  import { readFileSync, rmSync, writeFileSync } from "node:fs";
  import files from "node:fs/promises";
  import { syncBuiltinESMExports } from "node:module";
  import { setTimeout as sleep } from "node:timers/promises";
  for (const name of ["link", "open", "readFile", "rename", "stat", "unlink"]) {
    const real = files[name];
    files[name] = async (...args) => {
      if (Math.random() < 0.5) await sleep(Math.random() * 8);
      return await real(...args);
    };
  }
  syncBuiltinESMExports();
  const { withLock } = await import(${JSON.stringify(pathToFileURL(join(inject("compiledFolder"), "storage", "lock-file.js")).href)});
  const path = ${JSON.stringify(path)};
  const inside = path + "-inside";
  const isAlive = (pid) => { try { return process.kill(pid, 0); } catch { return false; } };
  let other = 0;
  const work = async () => {
    try {
      writeFileSync(inside, String(process.pid), { flag: "wx" });
    } catch {
      other = Number(readFileSync(inside, "utf8"));
      if (other > 0 && isAlive(other)) return "overlapped";
      writeFileSync(inside, String(process.pid));
    }
    await sleep(10);
    rmSync(inside);
    return "worked";
  };
  const attempt = () => withLock(path, work, () => new Error("refused")).catch(({ message }) => message);
  ${loop}`;

function start(path: string, loop: string, env: NodeJS.ProcessEnv = {}): ChildProcess {
  const child = spawn(process.execPath, ["--input-type=module", "-e", program(path, loop)], {
    stdio: ["ignore", "inherit", "inherit", "ipc"],
    env: { ...process.env, ...env },
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  return child;
}

const messageOf = (child: ChildProcess) => new Promise<string>((resolve) => child.once("message", resolve));

async function raceForStaleLocks(numRounds: number, env: NodeJS.ProcessEnv = {}): Promise<string[][]> {
  const path = join(await makeTestFolder(), "lock");
  const loop = `
    process.on("message", async (wait) => { await sleep(wait); process.send(await attempt()); });
    process.send("ready");`;
  const children = Array.from({ length: numProcesses }, () => start(path, loop, env));
  await Promise.all(children.map(messageOf));
  const outcomes: string[][] = [];
  for (let round = 0; round < numRounds; round++) {
    const stale = deadHolder(round);
    await rm(`${path}-inside`, { force: true });
    // One who took it away may have died at that.
    if (round % 3 === 0) await writeFile(`${path}.${hashText(stale).slice(0, 16)}`, deadHolder(round + 0.5));
    await writeFile(path, stale);
    const answers = children.map(messageOf);
    for (const child of children) child.send(Math.random() * 10);
    outcomes.push(await Promise.all(answers));
  }
  return outcomes;
}

function expectOneAtATime(outcomes: readonly string[][]): void {
  for (const [round, ofRound] of outcomes.entries()) {
    expect(ofRound, `round ${round}`).toContain("worked");
    expect([...new Set(ofRound)].sort(), `round ${round}`).not.toContain("overlapped");
    for (const outcome of ofRound) expect(["worked", "refused"]).toContain(outcome);
  }
}

test("of four processes that find the lock of a dead one, in 300 rounds, no two work at once, and one does", async () => {
  expectOneAtATime(await raceForStaleLocks(300));
});

test("nor do two work at once on a file system without hard links", async ({ skip }) => {
  const shim = join(await makeTestFolder(), "shim.so");
  const source = fileURLToPath(new URL("fsync-shim.c", import.meta.url));
  if (process.platform !== "linux" || spawnSync("cc", ["-shared", "-fPIC", "-o", shim, source, "-ldl"]).status !== 0) {
    return skip();
  }
  const env = { LD_PRELOAD: shim, SHIM_ROOT: "/", SHIM_LINK: String(constants.errno.EPERM) };
  expectOneAtATime(await raceForStaleLocks(150, env));
});

test("of processes that are killed at random while they take, hold and leave a lock, no two work at once", async () => {
  const folder = await makeTestFolder();
  const path = join(folder, "lock");
  const loop = `
    setTimeout(() => process.kill(process.pid, "SIGKILL"), Math.random() * 60);
    for (;;) if (await attempt() === "overlapped") { process.send("overlapped"); break; }`;
  const overlaps: string[] = [];
  let numKilled = 0;
  const killInTurn = async () => {
    while (numKilled < 200) {
      const child = start(path, loop);
      child.on("message", (message) => overlaps.push(String(message)));
      await new Promise((resolve) => child.on("close", resolve));
      numKilled++;
    }
  };
  await Promise.all(Array.from({ length: numProcesses }, killInTurn));
  expect(overlaps).toEqual([]);
  // Whatever they left, the next one works, and cleans up.
  await rm(path, { force: true });
  await writeFile(path, deadHolder(0));
  expect(
    await withLock(
      path,
      async () => "worked",
      () => new Error("refused"),
    ),
  ).toBe("worked");
  await rm(`${path}-inside`, { force: true });
  await removeStaleTemporaries(folder);
  expect(await readdir(folder)).toEqual([]);
});
