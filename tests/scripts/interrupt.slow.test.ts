import { type ChildProcess, spawn } from "node:child_process";
import { access, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { makeCifar10, recordsPerFile } from "../support/make-cifar-10.ts";
import { runCli } from "../support/run-cli.ts";

let folder: string;
const records = ["--records-per-file", String(recordsPerFile)];
/** A training of 40 steps that takes seconds. */
const training = [
  ...["train", "generator", ...records, "--sampler.steps", "1"],
  ...["--generator.channels", "8", "--generator.multipliers", "1", "--generator.blocks", "1", "--generator.patch", "4"],
  ...["--generator.attention-resolutions", "8", "--generator.batch-size", "4", "--generator.num-images", "160"],
  ...["--generator.steps-per-checkpoint", "20"],
];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "cifar5m-interrupt-"));
  await makeCifar10(join(folder, "cifar-10"));
  for (const name of ["undisturbed", "interrupted"]) {
    const args = ["fetch", "--run", join(folder, name), "--data", join(folder, "cifar-10"), ...records];
    expect((await runCli(args)).exitCode).toBe(0);
  }
});
afterAll(() => rm(folder, { recursive: true, force: true }));

test("SIGINT ends a training cleanly with 130, and the next call ends in the very weights of an undisturbed one", async () => {
  const [whole, root] = ["undisturbed", "interrupted"].map((name) => join(folder, name)) as [string, string];
  const script = join(inject("compiledFolder"), "scripts", "cifar5m.js");
  const child = spawn(process.execPath, [script, ...training, "--run", root], { stdio: ["ignore", "ignore", "pipe"] });
  let printed = "";
  child.stderr.on("data", (text) => {
    printed += String(text);
  });
  const checkpoint = join(root, "models", "generator-training", "checkpoint-000000020.safetensors");
  while (child.exitCode === null && !(await exists(checkpoint))) await sleep(5);
  child.kill("SIGINT");
  expect(await exitCodeOf(child), printed).toBe(130);
  expect(printed).toContain("interrupted: the newest checkpoint is kept. Run the same command again to go on.");

  for (const run of [root, whole]) {
    const { exitCode, stderr } = await runCli([...training, "--run", run]);
    expect(stderr).not.toContain("error");
    expect(exitCode).toBe(0);
  }
  for (const file of ["generator.safetensors", "generator.config.json"]) {
    const [mine, theirs] = await Promise.all([root, whole].map((run) => readFile(join(run, "models", file))));
    expect(mine!.equals(theirs!), file).toBe(true);
  }
  const steps = await Promise.all([root, whole].map(loggedSteps));
  expect(steps[0]).toEqual(steps[1]);
});

test("a training starts from the weights of --init, and goes on with no others", async () => {
  const [trained, next] = ["undisturbed", "next"].map((name) => join(folder, name)) as [string, string];
  const fetch = ["fetch", "--run", next, "--data", join(folder, "cifar-10"), ...records];
  expect((await runCli(fetch)).exitCode).toBe(0);
  const init = (weights: string) => [...training, "--run", next, "--init", weights, "--quiet"];
  const file = join(trained, "models", "generator.safetensors");

  const labeler = join(inject("compiledFolder"), "..", "..", "weights", "labeler.safetensors");
  expect((await runCli(init(labeler))).stderr).toMatch(/^weights\/wrong-architecture: .*"labeler".*\n$/);
  expect(await runCli(init(file))).toMatchObject({ exitCode: 0, stderr: "" });
  expect((await runCli([...training, "--run", next, "--quiet"])).stderr).toMatch(/^run\/config-changed: .*\n$/);
  const losses = await Promise.all([trained, next].map(loggedSteps));
  expect(losses[0]).not.toEqual(losses[1]);
});

/** Steps and losses of the log; speed differs. */
async function loggedSteps(run: string): Promise<unknown[]> {
  const text = await readFile(join(run, "models", "generator-training", "log.jsonl"), "utf8");
  return text
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line))
    .map(({ step, loss }) => [step, loss]);
}

function exitCodeOf(child: ChildProcess): Promise<number | null> {
  return child.exitCode === null
    ? new Promise((resolve) => child.on("close", resolve))
    : Promise.resolve(child.exitCode);
}

async function exists(path: string): Promise<boolean> {
  return await access(path).then(
    () => true,
    () => false,
  );
}
