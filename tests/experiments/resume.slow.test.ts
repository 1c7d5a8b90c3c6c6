import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, readdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, inject, test } from "vitest";
import { runCli } from "../support/run-cli.ts";
import { makeExperimentFile, tinyRun } from "./make-experiment.ts";

/** Runs an experiment until it has written a checkpoint, and kills it some milliseconds later. */
async function runUntilCheckpoint(file: string, root: string, delayMs: number): Promise<void> {
  const script = join(inject("compiledFolder"), "scripts", "cifar5m.js");
  const before = await listCheckpoints(root);
  const child = spawn(process.execPath, [script, "experiment", "run", file, "--run", root], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  let printed = "";
  child.stderr.on("data", (text) => {
    printed += String(text);
  });
  const ended = once(child, "close");
  while (child.exitCode === null && (await listCheckpoints(root)).every((path) => before.includes(path)))
    await sleep(5);
  await sleep(delayMs);
  child.kill("SIGKILL");
  await ended;
  expect(child.signalCode, printed).toBe("SIGKILL");
}

/** Paths of all checkpoints; their names hold their steps. */
async function listCheckpoints(root: string): Promise<string[]> {
  await mkdir(root, { recursive: true });
  return (await readdir(root, { recursive: true })).filter((path) => path.includes("checkpoint-")).sort();
}

test("an experiment that is killed repeatedly ends with the same curves as an undisturbed one", {
  timeout: 300_000,
}, async () => {
  const file = await makeExperimentFile({
    trials: 2,
    base: {
      ...tinyRun,
      steps: 900,
      pretraining: { task: "rotation", steps: 150 },
      stopBelow: 0,
      evaluation: { steps: 40, testSamples: 30 },
    },
    grid: { world: ["real"], augmentation: ["none", "crop-flip"] },
  });
  const [whole, killed] = ["whole", "killed"].map((name) => join(dirname(file), name)) as [string, string];
  expect((await runCli(["experiment", "run", file, "--run", whole])).exitCode).toBe(0);

  // From another checkpoint each time, and in the work after it.
  for (let kill = 0; kill < 6; kill++) await runUntilCheckpoint(file, killed, kill * 20);
  expect((await listCheckpoints(killed)).length).toBeGreaterThan(0);
  expect((await runCli(["experiment", "run", file, "--run", killed])).exitCode).toBe(0);
  const [mine, theirs] = await Promise.all([killed, whole].map((root) => readFile(join(root, "results.arrow"))));
  expect(mine!.equals(theirs!)).toBe(true);
});
