import { spawn } from "node:child_process";
import { access, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, inject, test, vi } from "vitest";
import { openDataset } from "../../shards/index.ts";
import { makeImages } from "../pipeline/import/make-images.ts";
import { makeNpy, makeZip } from "../pipeline/import/make-npz.ts";
import { hashFolder, runToEnd } from "../pipeline/kill-build.ts";
import { runCli } from "../support/run-cli.ts";
import { runInProcess } from "../support/run-in-process.ts";
import { startServe } from "./start-serve.ts";

const numImages = 400;
const set = makeImages("command line", numImages);
let folder: string;
let source: string;
let whole: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "cifar5m-import-"));
  source = join(folder, "set.npz");
  const x = makeNpy("|u1", [numImages, 32, 32, 3], set.images);
  const y = makeNpy("|u1", [numImages], set.labels);
  const members = [
    { name: "X.npy", bytes: x },
    { name: "Y.npy", bytes: y },
  ];
  await writeFile(source, makeZip(members));
  whole = join(folder, "whole");
  expect((await runCli(importInto(whole))).stderr).toContain("400 images");
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const importInto = (root: string) => [
  ...["import", "--from", source, "--run", root],
  ...["--test-count", "50", "--unit-size", "10"],
];
const exportTo = (target: string, format: string) => [
  ...["export", "--run", whole, "--to", target, "--format", format, "--part-size", "20"],
];

test("an imported set is verified, inspected and loaded like a built one", async () => {
  expect(await runCli(["verify", "--run", whole])).toMatchObject({ exitCode: 0, stderr: "" });
  const { exitCode, stdout } = await runCli(["inspect", "--run", whole]);
  expect(exitCode).toBe(0);
  expect(stdout).toMatch(/imported +npz, source [0-9a-f]{12}/);
  expect(stdout).toMatch(/dataset +350 train, 50 test/);
  await access(join(whole, "contact-sheet.png"));
  await rm(join(whole, "contact-sheet.png"));
  const dataset = await openDataset(join(whole, "dataset"));
  let numSeen = 0;
  for await (const { images, labels, ids } of dataset.loader({ regime: "infinite", batchSize: 70, seed: 1 })) {
    for (const [row, id] of ids.entries()) {
      expect(labels[row]).toBe(set.labels[id]);
      const expected = set.images.subarray(id * 3072, (id + 1) * 3072);
      expect(Buffer.compare(images.subarray(row * 3072, (row + 1) * 3072), expected)).toBe(0);
    }
    numSeen += ids.length;
    if (numSeen === 350) break;
  }
  expect(numSeen).toBe(350);
});

test("options that an import pinned may be left out when it goes on, and must not change", async () => {
  const again = await runCli(["import", "--from", source, "--run", whole]);
  expect(again).toMatchObject({ exitCode: 0 });
  expect(again.stderr).toContain("400 images done before");
  const changed = await runCli(["import", "--from", source, "--run", whole, "--unit-size", "20", "--quiet"]);
  expect(changed.stderr).toMatch(/^run\/config-changed: .*import\.unitSize is 10, now 20.*\n$/);
  expect(changed.exitCode).toBe(2);
});

test("nothing can be built in a run that was imported", async () => {
  const { exitCode, stderr } = await runCli(["sample", "--run", whole, "--quiet"]);
  expect(stderr).toMatch(/^run\/imported: .*\n$/);
  expect(exitCode).toBe(2);
});

test("an import killed again and again ends in the very files of an undisturbed one", async () => {
  const script = join(inject("compiledFolder"), "scripts", "cifar5m.js");
  const root = join(folder, "killed");
  const program = [script, ...importInto(root), "--quiet"];
  await killBySteps(program, join(root, "dataset", "train"));
  expect(await hashFolder(root)).toEqual(await hashFolder(whole));
});

describe.each(["npz", "png", "webdataset", "parquet"])("export as %s", (format) => {
  test("killed again and again ends in the very files of an undisturbed one", async () => {
    const script = join(inject("compiledFolder"), "scripts", "cifar5m.js");
    const [target, undisturbed] = [join(folder, `killed-${format}`), join(folder, `whole-${format}`)];
    await runToEnd([script, ...exportTo(undisturbed, format), "--quiet"]);
    await killBySteps([script, ...exportTo(target, format), "--quiet"], join(target, ".receipts"));
    expect(await hashFolder(target)).toEqual(await hashFolder(undisturbed));
  });
});

/** Kills a program three times, each when it has made some more files in a folder, then lets it end. */
async function killBySteps(program: readonly string[], watched: string): Promise<void> {
  const count = async () => (await readdir(watched).catch(() => [])).length;
  for (let kill = 0; kill < 3; kill++) {
    const before = await count();
    const child = spawn(process.execPath, program, { stdio: "ignore" });
    const ended = new Promise((resolve) => child.on("close", resolve));
    while (child.exitCode === null && (await count()) <= before + kill) await sleep(1);
    child.kill("SIGKILL");
    await ended;
    expect(child.signalCode).toBe("SIGKILL");
  }
  await runToEnd(program);
}

test("a data set folder and its address are exported like the run they are from", async () => {
  const dataset = join(whole, "dataset");
  const { origin } = await startServe(dataset);
  vi.stubEnv("XDG_CACHE_HOME", join(folder, "cache"));
  const targets = ["from-run", "from-folder", "from-address"].map((name) => join(folder, name));
  for (const [index, location] of [whole, dataset, `${origin}/dataset`].entries()) {
    const args = ["export", location, "--to", targets[index]!, "--format", "parquet", "--quiet"];
    expect(await runInProcess(args)).toMatchObject({ exitCode: 0, stderr: "" });
  }
  vi.unstubAllEnvs();
  const [fromRun, fromFolder, fromAddress] = await Promise.all(targets.map(hashFolder));
  expect(fromFolder).toEqual(fromRun);
  // For the picture on the card, all shards would have to be read.
  const isData = (line: string) => !/^\/(README\.md|croissant\.json|contact-sheet\.png) /.test(line);
  expect(fromAddress!.filter(isData)).toEqual(fromRun!.filter(isData));
});

describe("wrong usage is one line and exit code 2", () => {
  test.for([
    ["no source", ["import", "--run", "RUN"], /^usage\/wrong: .*from/],
    [
      "an unknown source format",
      ["import", "--run", "RUN", "--from", "x", "--format", "zip"],
      /^usage\/out-of-range: --format/,
    ],
    ["a count that is none", ["import", "--run", "RUN", "--from", "x", "--test-count", "-1"], /^usage\/.*test-count/],
    ["no target", ["export", "--run", "RUN", "--format", "npz"], /^usage\/wrong: .*to/],
    [
      "an unknown target format",
      ["export", "--run", "RUN", "--to", "x", "--format", "zip"],
      /^usage\/out-of-range: --format/,
    ],
    [
      "an unknown split",
      ["export", "--run", "RUN", "--to", "x", "--format", "npz", "--split", "all"],
      /^usage\/.*--split/,
    ],
  ] as const)("%s", async ([, args, line]) => {
    const { exitCode, stderr } = await runInProcess(args.map((arg) => (arg === "RUN" ? join(folder, "unused") : arg)));
    expect(stderr).toMatch(line);
    expect(stderr.trim().split("\n")).toHaveLength(1);
    expect(exitCode).toBe(2);
    expect(await readdir(folder)).not.toContain("unused");
  });
});

test("what is not a source, and what is not a finished set, is one line", async () => {
  const text = join(folder, "notes.txt");
  await writeFile(text, "notes");
  const imported = await runCli(["import", "--run", join(folder, "none"), "--from", text, "--quiet"]);
  expect(imported).toMatchObject({ exitCode: 2, stderr: expect.stringMatching(/^import\/unknown-source: .*\n$/) });
  const exported = await runCli(["export", join(folder, "none"), "--to", join(folder, "no"), "--format", "npz"]);
  expect(exported).toMatchObject({ exitCode: 1, stderr: expect.stringMatching(/^manifest\/missing: .*\n$/) });
  expect(await readdir(folder)).not.toContain("none");
  expect(await readFile(text, "utf8")).toBe("notes");
});
