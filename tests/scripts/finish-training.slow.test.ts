import { spawn } from "node:child_process";
import { cp, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { readSafetensors } from "../../engine/parameters/safetensors.ts";
import { makeCifar10, recordsPerFile } from "../support/make-cifar-10.ts";
import { runCli } from "../support/run-cli.ts";

const files = ["--records-per-file", String(recordsPerFile)];
const records = [...files, "--quiet"];
const network = [
  ...["--generator.channels", "8", "--generator.multipliers", "1", "--generator.blocks", "1", "--generator.patch", "4"],
  ...["--generator.batch-size", "4", "--generator.steps-per-checkpoint", "10", "--sampler.steps", "1"],
  ...["--generator.learning-rate", "0.004", "--generator.warm-up-images", "0"],
];
let folder: string;
/** A run folder with a training that was interrupted while its learning rate was constant. */
let begun: string;

/** `train generator` in a run folder. */
const train = (root: string, ...args: string[]) => runCli(["train", "generator", "--run", root, ...records, ...args]);

async function copyOfBegun(name: string): Promise<string> {
  const root = join(folder, name);
  await cp(begun, root, { recursive: true });
  return root;
}

async function imagesSeenBy(root: string): Promise<number> {
  const file = await readFile(join(root, "models", "generator.safetensors"));
  return Number(readSafetensors(file, "the generator").metadata["images"]);
}

interface LogLine {
  readonly step: number;
  readonly learningRate: number;
}

async function readLog(root: string): Promise<LogLine[]> {
  const text = await readFile(join(root, "models", "generator-training", "log.jsonl"), "utf8").catch(() => "");
  return text
    .split("\n")
    .filter((line) => line.endsWith("}"))
    .map((line) => JSON.parse(line) as LogLine);
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "cifar5m-finish-"));
  begun = join(folder, "begun");
  await makeCifar10(join(folder, "cifar-10"));
  const fetch = ["fetch", "--run", begun, "--data", join(folder, "cifar-10"), ...records];
  expect((await runCli(fetch)).exitCode).toBe(0);
  const script = join(inject("compiledFolder"), "scripts", "cifar5m.js");
  const args = [script, "train", "generator", "--run", begun, ...records, ...network, "--generator.num-images", "1200"];
  const child = spawn(process.execPath, args, { stdio: "ignore" });
  const ended = new Promise((resolve) => child.on("close", resolve));
  while (child.exitCode === null && ((await readLog(begun)).at(-1)?.step ?? 0) < 20) await sleep(5);
  child.kill("SIGINT");
  expect(await ended).toBe(130);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

test("a training that is told to finish cools down from its checkpoint and ends; then nothing is left to do", async () => {
  const root = await copyOfBegun("finished");
  const step = (await readLog(root)).at(-1)!.step;
  expect(await train(root, "--finish")).toMatchObject({ exitCode: 0, stderr: "" });
  const totalSteps = Math.round(step / 0.8);
  expect(await imagesSeenBy(root)).toBe(totalSteps * 4);
  const log = await readLog(root);
  expect(log.at(-1)!.step).toBe(totalSteps);
  expect(log[0]!.learningRate).toBe(0.004);
  expect(log.at(-1)!.learningRate).toBeCloseTo(0.004 / (totalSteps - step + 1), 9);
  // Both averages are there to be compared.
  const files = await readdir(join(root, "models", "generator-training"));
  expect(files).toEqual(expect.arrayContaining(["ema-16.97.safetensors", "ema-6.94.safetensors"]));
  const before = await readFile(join(root, "models", "generator.safetensors"));
  const model = join(root, "models", "generator.safetensors");
  expect(await train(root, "--finish")).toEqual({ exitCode: 0, stdout: `finished: ${model}\n`, stderr: "" });
  expect((await readFile(join(root, "models", "generator.safetensors"))).equals(before)).toBe(true);
});

test("images are added to a training under way, are remembered, and are refused to a finished one", async () => {
  const [root, other] = [await copyOfBegun("grown"), await copyOfBegun("grown-in-two")];
  // Fewer than are pinned would be another training.
  expect((await train(root, "--generator.num-images", "1196")).stderr).toMatch(/^run\/config-changed: .*numImages/);
  expect(await train(root, "--generator.num-images", "1320")).toMatchObject({ exitCode: 0, stderr: "" });
  expect(await imagesSeenBy(root)).toBe(1320);
  const refused = await train(root, "--generator.num-images", "1400");
  expect(refused.exitCode).toBe(2);
  expect(refused.stderr).toMatch(/^train\/finished: .*after training for 1320 images.*--init.*\n$/);
  // The pinned number stays, so the option need not be given again.
  expect(await train(root)).toMatchObject({ exitCode: 0, stderr: "" });
  const told = await runCli(["train", "generator", "--run", other, ...files, "--generator.num-images", "1320"]);
  // What was seen before is not counted as this call's speed.
  const seenNow = 1320 - 4 * (await readLog(begun)).at(-1)!.step;
  expect(told.stderr).toMatch(
    new RegExp(
      `^train-generator +${seenNow.toLocaleString("en")} images, .* ${1320 - seenNow} images done before, loss`,
      "m",
    ),
  );
  const [mine, theirs] = await Promise.all(
    [root, other].map((run) => readFile(join(run, "models", "generator.safetensors"))),
  );
  expect(mine!.equals(theirs!)).toBe(true);
});

test("there is nothing to finish before the first checkpoint, and nothing is pinned by asking", async () => {
  const root = join(folder, "empty");
  await runCli(["fetch", "--run", root, "--data", join(folder, "cifar-10"), ...records]);
  const result = await train(root, ...network, "--finish");
  expect(result).toMatchObject({ exitCode: 2, stderr: expect.stringMatching(/^train\/nothing-to-finish: .*\n$/) });
  expect(await readdir(join(root, "models")).catch(() => [])).toEqual([]);
  const tuned = await train(root, "--finish", "--tune", "consistency", "--init", "x");
  expect(tuned).toMatchObject({ exitCode: 2, stderr: expect.stringMatching(/^usage\/wrong: .*\n$/) });
});
