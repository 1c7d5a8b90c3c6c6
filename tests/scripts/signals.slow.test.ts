import { spawn } from "node:child_process";
import { EventEmitter, once } from "node:events";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { listenForInterruption } from "../../scripts/cli/interruption.ts";
import { findPythonModules, runPython } from "../support/run-python.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "cifar5m-signals-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** A build that draws images for minutes, on the threads of a real session. */
function longBuild(root: string): [string, ...string[]] {
  const script = join(inject("compiledFolder"), "scripts", "cifar5m.js");
  const size = ["--count", "100000", "--test-count", "0", "--unit-size", "100000"];
  return [process.execPath, script, "build", "--run", root, "--recipe", "tuned", ...size];
}

/** Starts the build and sends it signals while it draws. */
async function interruptBuild(name: string, signals: readonly NodeJS.Signals[]) {
  const root = join(folder, name);
  const [node, ...args] = longBuild(root);
  const child = spawn(node, args, { stdio: ["ignore", "ignore", "pipe"] });
  const closed = once(child, "close");
  let stderr = "";
  child.stderr.on("data", (text) => {
    stderr += String(text);
  });
  const hasBegun = async () => (await readdir(join(root, "samples")).catch(() => [])).length > 0;
  while (child.exitCode === null && !(await hasBegun())) await sleep(5);
  for (const signal of signals) {
    child.kill(signal);
    // Two of a kind that are pending are one.
    await sleep(50);
  }
  const [exitCode, signalCode] = (await closed) as [number | null, NodeJS.Signals | null];
  return { exitCode, signalCode, stderr };
}

test.for(["SIGTERM", "SIGHUP"] as const)(
  "%s again and again ends a build as one does: in order, with 130",
  async (signal) => {
    const ended = await interruptBuild(signal, [signal, signal, signal]);
    expect(ended).toMatchObject({ exitCode: 130, signalCode: null });
    expect(ended.stderr).toContain("interrupted: what was finished is kept, a unit of images under way begins again.");
    expect(ended.stderr).not.toContain("terminate called");
  },
);

test("a second SIGINT ends a build at once, and sessions that compute do not make an abort of it", async () => {
  for (let run = 0; run < 3; run++) {
    const { exitCode, signalCode, stderr } = await interruptBuild(`twice-${run}`, ["SIGINT", "SIGINT"]);
    // A shell shows both as 130. The first is that of a build that was through before the second came.
    expect([130, "SIGINT"]).toContain(exitCode ?? signalCode);
    expect(stderr).toContain("press again to stop at once");
    expect(stderr).not.toContain("terminate called");
  }
});

test("after the first signal a SIGINT ends at once, the others only when three seconds have passed", () => {
  const source = new EventEmitter();
  let [nowMs, numFirst, numAtOnce] = [0, 0, 0];
  const interruption = listenForInterruption({
    source,
    clock: () => nowMs,
    onFirst: () => numFirst++,
    atOnce: () => numAtOnce++,
  });
  const send = (name: NodeJS.Signals, atMs: number) => {
    nowMs = atMs;
    source.emit(name, name);
    return numAtOnce;
  };
  expect(send("SIGTERM", 10_000)).toBe(0);
  expect(interruption.signal.aborted).toBe(true);
  expect(send("SIGTERM", 10_001)).toBe(0);
  expect(send("SIGHUP", 12_999)).toBe(0);
  expect(send("SIGINT", 13_000)).toBe(1);
  expect(send("SIGTERM", 13_001)).toBe(2);
  expect(send("SIGHUP", 14_000)).toBe(3);
  // What ends is not to be ended in another way by a late repeat.
  interruption.stop();
  expect(source.listenerCount("SIGTERM")).toBe(1);
  expect(numFirst).toBe(1);
});

test("a command that was not interrupted leaves no listener behind", () => {
  const source = new EventEmitter();
  listenForInterruption({ source, onFirst: () => undefined }).stop();
  expect(source.eventNames()).toEqual([]);
});

const hasTerminal = process.platform !== "win32" && findPythonModules(["pty"]).has("pty");

describe.runIf(hasTerminal)("on a terminal", () => {
  const [showCursor, clearLine] = ["\u001b[?25h", "\u001b[2K"] as const;

  async function onTerminal(name: string, keys: number): Promise<{ readonly screen: string; readonly status: number }> {
    const input = { program: longBuild(join(folder, name)), until: "100000", keys };
    return JSON.parse(await runPython("scripts/on_terminal.py", [], input));
  }

  test.for([
    ["once", 1],
    ["twice", 2],
  ] as const)(
    "Ctrl-C, pressed %s, takes the bar away and leaves the cursor at the beginning of a line",
    async ([times, keys]) => {
      const { screen, status } = await onTerminal(times, keys);
      expect(status).toBe(130);
      const [before, after] = screen.split("stopping after the current batch; press again to stop at once\r\n");
      expect(before).toContain("100000");
      expect(before!.endsWith(clearLine), JSON.stringify(before!.slice(-80))).toBe(true);
      expect(before).toContain(showCursor);
      // The terminal echoes the second press before or after what the program writes, or, once it has ended, not at all;
      // and the build may be through before that press.
      const inOrder =
        "interrupted: what was finished is kept, a unit of images under way begins again. Run the same command again to go on.\r\n";
      expect(keys === 1 ? [inOrder] : ["\r\n", inOrder]).toContain(keys === 1 ? after : after!.replace("^C", ""));
    },
  );

  test("a terminal that is closed ends a build in order", async () => {
    expect((await onTerminal("hang-up", 0)).status).toBe(130);
  });
});
