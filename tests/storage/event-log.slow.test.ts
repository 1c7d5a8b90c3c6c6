import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, inject, test } from "vitest";
import { makeExperimentFile, tinyRun } from "../experiments/make-experiment.ts";
import { makeCifar10, recordsPerFile } from "../support/make-cifar-10.ts";
import { makeTestFolder } from "../support/make-rows.ts";
import { runCli } from "../support/run-cli.ts";
import { findPythonModules, runPython } from "../support/run-python.ts";

// Skipped where `pip install tensorboard` was not possible.
const hasTensorBoard = findPythonModules(["tensorboard"]).has("tensorboard");

/** Scalars by tag: steps and values, in the order of the file. */
type Events = Readonly<Record<string, readonly (readonly [number, number])[]>>;

/** What TensorBoard reads in some folders. */
async function readEvents(...folders: string[]): Promise<Events[]> {
  const found = JSON.parse(await runPython("storage/read_events.py", folders)) as Readonly<Record<string, Events>>;
  return folders.map((folder) => found[folder]!);
}

/** Runs a command, kills it twice after some new records, and lets it come to its end. */
async function runWithKills(args: readonly string[], folders: readonly string[], newBytes: number): Promise<void> {
  const script = join(inject("compiledFolder"), "scripts", "cifar5m.js");
  const paths = folders.map((folder) => join(folder, "events.out.tfevents.cifar5m"));
  const size = async () => {
    const sizes = await Promise.all(
      paths.map((path) =>
        stat(path).then(
          (found) => found.size,
          () => 0,
        ),
      ),
    );
    return sizes.reduce((sum, bytes) => sum + bytes, 0);
  };
  for (let kill = 0; kill < 2; kill++) {
    const child = spawn(process.execPath, [script, ...args], { stdio: "ignore" });
    const ended = once(child, "exit");
    const start = await size();
    while (child.exitCode === null && (await size()) < start + newBytes) await sleep(5);
    child.kill("SIGKILL");
    expect(await ended).toEqual([null, "SIGKILL"]);
  }
  const { exitCode, stderr } = await runCli(args);
  expect(exitCode, stderr).toBe(0);
}

test.skipIf(!hasTensorBoard)(
  "TensorBoard reads every step of a training that was killed once, with the numbers of the loss log",
  async () => {
    const folder = await makeTestFolder();
    const root = join(folder, "run");
    await makeCifar10(join(folder, "cifar-10"));
    const records = ["--records-per-file", String(recordsPerFile)];
    expect((await runCli(["fetch", root, "--data", join(folder, "cifar-10"), ...records])).exitCode).toBe(0);
    const size = ["--generator.channels", "8", "--generator.multipliers", "1", "--generator.blocks", "1"];
    const length = ["--generator.batch-size", "4", "--generator.num-images", "4800", "--generator.patch", "4"];
    const training = ["train", "generator", root, ...records, ...size, ...length];
    const args = [...training, "--generator.steps-per-checkpoint", "37"];
    const trained = join(root, "models", "generator-training");
    await runWithKills(args, [trained], 2500);
    const lines = (await readFile(join(trained, "log.jsonl"), "utf8")).trimEnd().split("\n");
    const log = lines.map((line) => JSON.parse(line) as Record<string, number>);
    expect(log.at(-1)!["step"]).toBe(1200);
    const [events] = await readEvents(trained);
    expect(Object.keys(events!).sort()).toEqual(["imagesPerSecond", "learningRate", "loss"]);
    for (const [tag, scalars] of Object.entries(events!)) {
      expect(scalars).toEqual(log.map((line) => [line["step"], Math.fround(line[tag]!)]));
    }
  },
);

test.skipIf(!hasTensorBoard)(
  "TensorBoard reads the same curves of an experiment that was killed repeatedly as of an undisturbed one",
  async () => {
    const file = await makeExperimentFile({
      base: { ...tinyRun, steps: 150, stopBelow: 0, evaluation: { steps: 40, testSamples: 30, trainSamples: 20 } },
      grid: { world: ["real"], augmentation: ["none", "crop-flip"] },
    });
    const [whole, killed] = ["whole", "killed"].map((name) => join(dirname(file), name)) as [string, string];
    expect((await runCli(["experiment", "run", file, "--run", whole])).exitCode).toBe(0);
    const listed = await runCli(["experiment", "list", file, "--run", whole, "--json"]);
    const ids = (JSON.parse(listed.stdout) as { runs: { id: string }[] }).runs.map(({ id }) => id);
    expect(ids).toHaveLength(2);
    const folders = ids.map((id) => join(killed, "runs", id));
    await runWithKills(["experiment", "run", file, "--run", killed], folders, 5000);
    for (const id of ids) {
      const [theirs, mine] = await readEvents(join(whole, "runs", id), join(killed, "runs", id));
      const { imagesPerSecond: speed, ...curves } = mine!;
      const { imagesPerSecond: _, ...expected } = theirs!;
      expect(curves).toEqual(expected);
      expect(Object.keys(curves)).toEqual(
        expect.arrayContaining(["loss", "test/error", "test/softError", "train/loss"]),
      );
      expect(speed!.map(([step]) => step)).toEqual(curves["loss"]!.map(([step]) => step));
      expect(new Set(curves["loss"]!.map(([step]) => step)).size).toBe(curves["loss"]!.length);
    }
  },
);
