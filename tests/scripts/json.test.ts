import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { expect, inject, test } from "vitest";
import { gatherResults, keepConfig, openExperiment } from "../../experiments/index.ts";
import { loadCommands } from "../../scripts/commands.ts";
import { makeExperimentFile, noLive, runAll, tinyRun } from "../experiments/make-experiment.ts";
import { makeFeatureFile } from "../pipeline/score/make-feature-file.ts";
import { makeCifar10 } from "../support/make-cifar-10.ts";
import { makeDataset, makeTestFolder } from "../support/make-rows.ts";
import { runInProcess } from "../support/run-in-process.ts";

/** Runs a command with `--json`: what it prints is one JSON value, with the keys that its schema documents. */
async function report(args: readonly string[]): Promise<{ exitCode: number | null; found: unknown; stderr: string }> {
  const { exitCode, stdout, stderr } = await runInProcess([...args, "--json", "--quiet"]);
  expect(stdout, stderr).not.toBe("");
  const found: unknown = JSON.parse(stdout);
  const command = (await loadCommands(args)).find(({ words }) => words.every((word, index) => args[index] === word));
  expect(command?.report?.safeParse(found).error).toBeUndefined();
  return { exitCode, found, stderr };
}

test("inspect reports a data set without a run", async () => {
  const folder = await makeTestFolder();
  const manifest = await makeDataset(folder, { train: 20, test: 5, rowsPerShard: 8 });
  const { exitCode, found, stderr } = await report(["inspect", folder]);
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
  expect(found).toMatchObject({
    ...{ location: folder, config: null, imported: null, stages: [] },
    dataset: { sha256: manifest.sha256, train: 20, test: 5 },
    contactSheet: join(folder, "contact-sheet.png"),
  });
  expect((await readFile(join(folder, "contact-sheet.png"))).subarray(1, 4).toString()).toBe("PNG");
});

test("inspect tells what a data set holds also where no picture can be written", async () => {
  const folder = await makeTestFolder();
  await makeDataset(folder, { train: 20, test: 5, rowsPerShard: 8 });
  await mkdir(join(folder, "contact-sheet.png"));
  const { exitCode, stdout, stderr } = await runInProcess(["inspect", folder]);
  expect(exitCode).toBe(0);
  expect(stdout).toMatch(/^dataset +20 train, 5 test, /);
  expect(stderr).toMatch(/^no contact sheet: .*\n$/);
});

test("a reader that does not read changes no exit code", async () => {
  const folder = await makeTestFolder();
  await makeDataset(folder, { train: 20, test: 5, rowsPerShard: 8 });
  await rm(join(folder, "train", "part-00001.arrow"));
  const script = join(inject("compiledFolder"), "scripts", "cifar5m.js");
  const child = spawn(process.execPath, [script, "verify", folder, "--json"]);
  child.stdout.destroy();
  const [code] = await once(child, "close");
  expect(code).toBe(1);
});

test("verify reports every problem, still writes errors to stderr, and fails", async () => {
  const folder = await makeTestFolder();
  await makeDataset(folder, { train: 20, test: 5, rowsPerShard: 8 });
  const shown = await runInProcess(["verify", folder, "--sample", "7%"]);
  expect(shown.stdout).toContain(" 7% of the shards");
  expect(await report(["verify", folder, "--sample", "50%"])).toMatchObject({
    exitCode: 0,
    found: { mode: "sample", fraction: 0.5, seed: 0, isWhole: true, problems: [] },
  });
  const shard = join(folder, "train", "part-00001.arrow");
  const bytes = await readFile(shard);
  bytes[3000]! ^= 1;
  await writeFile(shard, bytes);
  const { exitCode, found, stderr } = await report(["verify", folder]);
  expect(exitCode).toBe(1);
  expect(found).toMatchObject({
    isWhole: false,
    problems: expect.arrayContaining([
      expect.objectContaining({ code: "shard/hash-mismatch", file: "train/part-00001.arrow" }),
    ]),
  });
  expect(stderr).toContain("shard/hash-mismatch: ");
});

test("experiments are listed and compared", async () => {
  const file = await makeExperimentFile({ base: tinyRun, grid: { world: ["real", "ideal"] } });
  const root = join(dirname(file), "run");
  const { found: open } = await report(["experiment", "list", file, "--run", root]);
  expect(open).toMatchObject({ runs: [{ status: "open" }, { status: "open" }] });
  const experiment = await runAll(root, file);
  await gatherResults(experiment);
  await keepConfig(experiment);
  // The folder alone will do, from now on.
  const { found: done } = await report(["experiment", "list", root]);
  expect(done).toMatchObject({ runs: [{ status: "done", options: { world: "real" } }, { status: "done" }] });
  const { found } = await report(["experiment", "compare", root]);
  expect(found).toMatchObject({ comparisons: [{ options: { batchSize: 10 }, real: { numTrials: 1 } }] });
  expect((await openExperiment(root, undefined, noLive)).runs).toHaveLength(2);
});

test("score reports what score.json holds", async () => {
  const records = 30;
  const folder = await makeTestFolder();
  const [data, root] = [join(folder, "cifar-10"), join(folder, "set")];
  await makeCifar10(data, records);
  await makeDataset(root, { train: 20, test: 5, rowsPerShard: 20 });
  const features = join(folder, "features.onnx");
  await makeFeatureFile(features);
  const from = ["--data", data, "--records-per-file", String(records), "--features", features];
  const { exitCode, found } = await report(["score", root, ...from, "--neighbors", "5"]);
  expect(exitCode).toBe(0);
  const { checksum: _, ...kept } = JSON.parse(await readFile(join(root, "score.json"), "utf8"));
  expect(found).toEqual(kept);
});

test.each([
  [["inspect", "/nowhere"], /^run\/missing: .*\n$/, 2],
  [["verify", "/nowhere"], /^run\/missing: .*\n$/, 2],
  [["score", "/nowhere"], /^manifest\/missing: .*\n$/, 1],
  [["experiment", "compare", "/nowhere"], /^\S+\/\S+: .*\n$/, 1],
  [["inspect"], /^usage\/wrong: .*\n$/, 2],
  [["verify", "/nowhere", "--sample", "200%"], /^usage\/out-of-range: .*\n$/, 2],
])("%j --json with an error prints its line to stderr, and nothing to stdout", async (args, line, exitCode) => {
  const result = await runInProcess([...args, "--json"]);
  expect(result).toEqual({ exitCode, stdout: "", stderr: expect.stringMatching(line) });
});

test("a command that reports nothing takes no --json", async () => {
  const { exitCode, stderr } = await runInProcess(["sample", "/nowhere", "--json"]);
  expect(stderr).toMatch(/^usage\/wrong: .*json.*\n$/);
  expect(exitCode).toBe(2);
});
