import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, inject, test } from "vitest";
import { runCli } from "../support/run-cli.ts";
import { makeExperimentFile, tinyRun } from "./make-experiment.ts";

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

  const script = join(inject("compiledFolder"), "scripts", "cifar5m.js");
  let numKills = 0;
  for (let attempt = 0; attempt < 60; attempt++) {
    const child = spawn(process.execPath, [script, "experiment", "run", file, "--run", killed], { stdio: "ignore" });
    const ended = once(child, "exit");
    const patience = sleep(600 + ((attempt * 397) % 1500));
    await Promise.race([ended, patience]);
    if (child.exitCode === 0) break;
    child.kill("SIGKILL");
    await ended;
    numKills++;
  }
  expect(numKills).toBeGreaterThan(1);
  expect((await runCli(["experiment", "run", file, "--run", killed])).exitCode).toBe(0);
  const [mine, theirs] = await Promise.all([killed, whole].map((root) => readFile(join(root, "results.arrow"))));
  expect(mine!.equals(theirs!)).toBe(true);
});
