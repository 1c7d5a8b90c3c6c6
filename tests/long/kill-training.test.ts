import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { makeCifar10, recordsPerFile } from "../support/make-cifar-10.ts";
import { runCli } from "../support/run-cli.ts";

const numKills = 10;
const numSteps = 60;
const records = ["--records-per-file", String(recordsPerFile)];
/** Checkpoints come at other steps than the ends of calls, which are 10 steps. */
const schedule = (section: string) => [
  ...[`--${section}.batch-size`, "4", `--${section}.num-images`, String(4 * numSteps)],
  ...[`--${section}.steps-per-checkpoint`, "7", `--${section}.dropout`, "0.1", "--sampler.steps", "1"],
];
const training = [
  ...["train", "generator", ...records, ...schedule("generator")],
  ...["--generator.channels", "8", "--generator.multipliers", "1", "--generator.blocks", "1", "--generator.patch", "4"],
];

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "cifar5m-kill-training-"));
  await makeCifar10(join(folder, "cifar-10"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

test("a training killed at 10 random steps ends with the same weights as an undisturbed one", async () => {
  await expectSameAfterKills("trained", training);
});

test("a tuning with a guided teacher killed at random steps ends with the same weights too", async () => {
  const init = join(folder, "trained", "models", "generator.safetensors");
  const tuning = ["train", "generator", ...records, "--init", init, "--tune", "consistency", "--tuning.guidance", "3"];
  await expectSameAfterKills("tuned", [...tuning, ...schedule("tuning")]);
});

test("an adversarial tuning killed at random steps ends with the same weights too", async () => {
  const init = join(folder, "tuned", "models", "generator.safetensors");
  const tuning = ["train", "generator", ...records, "--init", init, "--tune", "adversarial"];
  await expectSameAfterKills("adversarial", [...tuning, ...schedule("adversarial")]);
});

async function expectSameAfterKills(name: string, args: readonly string[]): Promise<void> {
  const [whole, root] = [join(folder, name), join(folder, `${name}-killed`)];
  for (const run of [whole, root]) {
    const fetch = ["fetch", "--run", run, "--data", join(folder, "cifar-10"), ...records];
    expect((await runCli(fetch)).exitCode).toBe(0);
  }
  const undisturbed = await runCli([...args, "--run", whole]);
  expect(undisturbed.exitCode, undisturbed.stderr).toBe(0);
  let numKilled = 0;
  while (numKilled < numKills) {
    // Begins anew where a training came to its end between kills.
    for (const part of ["models", "receipts/train-generator"]) {
      await rm(join(root, part), { recursive: true, force: true });
    }
    const mostSteps = () => (numKilled < numKills ? Math.ceil(Math.random() * 20) : Number.POSITIVE_INFINITY);
    while (await runAndKill([...args, "--run", root], root, mostSteps())) numKilled++;
    const last = `generator-training/checkpoint-${String(numSteps).padStart(9, "0")}.safetensors`;
    for (const file of ["generator.safetensors", "generator.config.json", last]) {
      const [mine, theirs] = await Promise.all([root, whole].map((run) => readFile(join(run, "models", file))));
      expect(mine!.equals(theirs!), file).toBe(true);
    }
    expect(await readLog(root)).toEqual(await readLog(whole));
  }
}

/** Kills a training soon after it has done more than `mostSteps` new steps. @returns false if it ended before */
async function runAndKill(args: readonly string[], root: string, mostSteps: number): Promise<boolean> {
  const script = join(inject("compiledFolder"), "scripts", "cifar5m.js");
  const first = await lastStep(root);
  const child = spawn(process.execPath, [script, ...args], { stdio: ["ignore", "ignore", "pipe"] });
  let printed = "";
  child.stderr.on("data", (text) => {
    printed += String(text);
  });
  const ended = endOf(child);
  while (child.exitCode === null && (await lastStep(root)) < first + mostSteps) await sleep(5);
  // Also while a checkpoint is written.
  if (Number.isFinite(mostSteps)) await sleep(Math.random() * 50);
  child.kill("SIGKILL");
  const code = await ended;
  expect(code ?? 0, printed).toBe(0);
  return code === null;
}

async function lastStep(root: string): Promise<number> {
  return (await readLog(root)).at(-1)?.step ?? 0;
}

function endOf(child: ChildProcess): Promise<number | null> {
  return new Promise((resolve) => child.on("close", resolve));
}

/** What each line of the log says, but for the speed. */
async function readLog(root: string): Promise<{ readonly step: number; readonly loss: number }[]> {
  const path = join(root, "models", "generator-training", "log.jsonl");
  const text = await readFile(path, "utf8").catch(() => "");
  const lines = text.split("\n").filter((line) => line.endsWith("}"));
  return lines.map((line) => {
    const { imagesPerSecond: _, ...rest } = JSON.parse(line) as { step: number; loss: number; imagesPerSecond: number };
    return rest;
  });
}
