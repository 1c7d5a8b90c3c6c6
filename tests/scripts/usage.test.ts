import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { programVersion } from "../../core/program-version.ts";
import packageJson from "../../package.json" with { type: "json" };
import { writeColorModels } from "../support/color-models.ts";
import { makeTestFolder } from "../support/make-rows.ts";
import { runCli } from "../support/run-cli.ts";
import { runInProcess } from "../support/run-in-process.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "cifar5m-usage-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

test("receipts name the version of package.json", () => {
  expect(programVersion).toBe(`${packageJson.name} ${packageJson.version}`);
});

test("without a command, all of them are listed, and the exit code is that of wrong usage", async () => {
  const { exitCode, stdout, stderr } = await runInProcess([]);
  expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: "" });
  expect(stderr).toMatch(/cifar5m build .*\n(.*\n)+ +cifar5m verify /);
});

describe("wrong usage is one line on stderr and exit code 2", () => {
  test.for([
    ["an unknown option", ["sample", "--run", "RUN", "--cuont", "5"], /usage\/wrong: .*cuont\. Did you mean --count\?/],
    [
      "an unknown option of a section",
      ["sample", "--run", "RUN", "--sampler.stepz", "5"],
      /usage\/wrong: .*sampler\.stepz\. Did you mean --sampler\.steps\?/,
    ],
    ["an option of another command", ["inspect", "--run", "RUN", "--to", "x"], /usage\/wrong: .*to/],
    ["an unknown command", ["smaple", "--run", "RUN"], /usage\/wrong: .*smaple\. Did you mean sample\?/],
    ["an unknown model", ["train", "genrator", "--run", "RUN"], /usage\/wrong: .*genrator\. Did you mean generator\?/],
    [
      "a command like nothing that is there",
      ["frobnicate"],
      /usage\/wrong: Unknown command: frobnicate\. See --help\./,
    ],
    ["a name that every object has", ["toString"], /usage\/wrong: Unknown command: toString/],
    ["an option without its value", ["build", "--run"], /usage\/wrong: Not enough arguments following: run\. See/],
    ["the value left out before another option", ["build", "--run", "--count", "5"], /usage\/wrong: .*following: run/],
    ["an option that is not a switch", ["build", "--no-run"], /usage\/wrong: --run takes a value/],
    ["a switch with another value", ["build", "--run", "RUN", "--quiet=no"], /usage\/wrong: --quiet is a switch/],
    [
      "words after --",
      ["build", "--run", "RUN", "--", "more"],
      /usage\/wrong: build takes no words after --, got more/,
    ],
    ["an empty run folder", ["build", "--run", ""], /usage\/empty: --run must not be empty, got ""/],
    ["an empty run folder by its place", ["inspect", " "], /usage\/empty: --run must not be empty, got " "/],
    ["an empty file", ["build", "--run", "RUN", "--data="], /usage\/empty: --data must not be empty/],
    ["an empty host", ["serve", "RUN", "--host", ""], /usage\/empty: --host must not be empty/],
    [
      "a bucket as run folder of a repair",
      ["repair", "--run", "s3://bucket/x"],
      /usage\/not-local: --run must be a path .*--to/,
    ],
    ["a bucket with a slash too few", ["build", "--run", "s3:/bucket/x"], /usage\/not-local: --run must be a path/],
    [
      "a web address as run folder",
      ["serve", "https://u:secret@x.org/y"],
      /usage\/not-local: .*https:\/\/…@x\.org\/y\./,
    ],
    ["a file address as run folder", ["sample", "--run", "file:///x"], /usage\/not-local: --run must be a path/],
    [
      "a bucket to export to",
      ["export", "--run", "RUN", "--format", "npz", "--to", "s3://bucket/x"],
      /usage\/not-local: --to must be a path/,
    ],
    ["data at a web address", ["build", "--run", "RUN", "--data", "https://x.org/y"], /usage\/not-local: --data/],
    [
      "data to train nothing on",
      ["build", "--run", "RUN", "--data", "d", "--generator", "g", "--labeler", "l"],
      /usage\/nothing-to-train: --data has no use beside --generator and --labeler\. Leave one out\./,
    ],
    ["no run folder", ["build"], /usage\/wrong: .*run/],
    [
      "data of a training",
      ["train", "generator", "RUN", "--data", "d"],
      /usage\/wrong: Unknown argument: data\. Run `cifar5m fetch RUN --data FOLDER-OR-TAR\.GZ` first\./,
    ],
    ["train without a model", ["train", "--run", "RUN"], /usage\/wrong: .*generator \| labeler/],
    [
      "--count 0",
      ["build", "--run", "RUN", "--count", "0"],
      /config\/out-of-range: count must be an integer, at least 1, got 0\./,
    ],
    [
      "a word for a number",
      ["build", "--run", "RUN", "--count", "many"],
      /config\/out-of-range: --count must be .*, got many\./,
    ],
    [
      "an engine that does not exist",
      ["sample", "--run", "RUN", "--engine", "abacus"],
      /config\/out-of-range: .*onnxruntime, tfjs/,
    ],
    [
      "a recipe that does not exist",
      ["build", "--run", "RUN", "--recipe", "slow"],
      /config\/unknown-recipe: .*fast, tuned, original, got slow\./,
    ],
    [
      "guidance without a class",
      ["build", "--run", "RUN", "--recipe", "original", "--sampler.guidance", "3"],
      /config\/out-of-range: sampler\.guidance must be 1 .*, got 3\./,
    ],
    [
      "a guidance out of range",
      ["sample", "--run", "RUN", "--sampler.guidance", "-1"],
      /config\/out-of-range: sampler\.guidance must be a number, at least 0 and at most 100, got -1\./,
    ],
    [
      "a sampler that does not exist",
      ["sample", "--run", "RUN", "--sampler.name", "euler"],
      /config\/out-of-range: sampler\.name must be one of ddpm, .*consistency, got "euler"\./,
    ],
    [
      "a run folder by its place and another by its flag",
      ["inspect", "RUN", "--run", "elsewhere"],
      /usage\/contradiction: .* must be named once, got .*unused and --run elsewhere\./,
    ],
    [
      "two run folders by their flags",
      ["inspect", "--run", "RUN", "--run=elsewhere"],
      /usage\/contradiction: .* must be named once, got elsewhere and --run .*unused\./,
    ],
    [
      "an experiment file by its place and another by its flag",
      ["experiment", "run", "a.json", "RUN", "--experiment", "b.json"],
      /usage\/contradiction: the experiment file must be named once, got a\.json and --experiment b\.json\./,
    ],
    [
      "a file, and no run folder",
      ["experiment", "run", "a.json"],
      /usage\/wrong: experiment run needs a run folder.*--run runs\/mine\./,
    ],
    [
      "a second folder",
      ["inspect", "RUN", "more"],
      /usage\/wrong: inspect takes one folder, got more too\. Leave it out\./,
    ],
    [
      "a number out of range",
      ["serve", "RUN", "--port", "65536"],
      /usage\/out-of-range: --port must be an integer, at least 0 and at most 65535, got 65536\. Use 0/,
    ],
    [
      "a word for an own number",
      ["score", "RUN", "--images", "many"],
      /usage\/out-of-range: --images must be an integer, at least 1, got many\. See --help\./,
    ],
    ["a number for classifiers", ["score", "RUN", "--cas", "0"], /usage\/out-of-range: --cas must be an integer/],
    [
      "a choice that does not exist",
      ["export", "RUN", "--to", "x", "--format", "parket"],
      /usage\/out-of-range: --format must be one of npz, .*, got parket\. Did you mean parquet\?/,
    ],
    [
      "a part that is none",
      ["verify", "RUN", "--sample", "0%"],
      /usage\/out-of-range: --sample must lie in \(0%, 100%\], got 0%\. Write it like 5%\./,
    ],
    ["the last of a flag given twice", ["build", "RUN", "--count", "5", "--count", "0"], /config\/out-of-range: count/],
    [
      "a rank beyond the workers",
      ["sample", "--run", "RUN", "--rank", "2", "--world-size", "2"],
      /usage\/out-of-range: --rank/,
    ],
  ] as const)("%s", async ([, args, line]) => {
    const root = join(folder, "unused");
    const { exitCode, stderr } = await runInProcess(args.map((arg) => (arg === "RUN" ? root : arg)));
    expect(stderr).toMatch(line);
    expect(stderr.trim().split("\n").length).toBe(1);
    expect(exitCode).toBe(2);
    expect(await readdir(folder)).not.toContain("unused");
  });
});

test("of a flag that is given twice the last counts", async () => {
  const { stdout } = await runInProcess(["build", join(folder, "twice"), "--count", "5", "--count", "7", "--dry-run"]);
  expect(JSON.parse(stdout).config.count).toBe(7);
});

test("the run folder may be named by its place, by its flag, and by both where they agree", async () => {
  const root = join(folder, "absent");
  for (const args of [[root], ["--run", root], [root, "--run", `${root}/`]]) {
    const { exitCode, stderr } = await runInProcess(["verify", ...args]);
    expect({ exitCode, stderr }).toEqual({ exitCode: 2, stderr: expect.stringMatching(/^run\/missing: .*absent/) });
  }
});

test("a real process ends with the code of its usage error", async () => {
  const { exitCode, stderr } = await runCli(["sample", join(folder, "unused"), "--cuont", "5"]);
  expect(stderr).toMatch(/^usage\/wrong: .*Did you mean --count\?.*\n$/);
  expect(exitCode).toBe(2);
});

test("what fails for another reason is one line and exit code 1; --verbose adds the stack", async () => {
  const args = ["score", join(folder, "empty")];
  const plain = await runInProcess([...args, "--quiet"]);
  expect(plain.exitCode).toBe(1);
  expect(plain.stderr).toMatch(/^manifest\/missing: .*manifest\.json.*\n$/);
  const verbose = await runInProcess([...args, "--verbose"]);
  expect(verbose.stderr).toMatch(/\n {4}at /);
});

test("neither a misspelled folder nor a device that is not there leaves a run behind", async () => {
  const root = join(folder, "mispelled");
  const sampled = await runInProcess(["sample", "--run", root, "--quiet"]);
  expect(sampled).toMatchObject({ exitCode: 2, stderr: expect.stringMatching(/^run\/missing: .*\n$/) });
  const built = await runInProcess(["build", "--run", root, "--count", "10", "--device", "tpu", "--quiet"]);
  expect(built).toMatchObject({ exitCode: 2, stderr: expect.stringMatching(/^engine\/unknown-device: .*"tpu".*\n$/) });
  expect(await readdir(folder)).not.toContain("mispelled");
  const inspected = await runInProcess(["inspect", "--run", root]);
  expect(inspected).toMatchObject({ exitCode: 2, stderr: expect.stringMatching(/^run\/missing: .*\n$/) });
});

test("a training without data, a guide of another kind and a folder below a file are refused, with nothing written", async () => {
  const root = join(folder, "refused");
  const { generator, labeler } = await writeColorModels(await makeTestFolder());
  const models = ["--generator", generator, "--labeler", labeler, "--count", "10"];
  for (const [args, line] of [
    [
      ["train", "generator", root],
      /^run\/data-missing: \S+ must hold CIFAR-10 .* Run `cifar5m fetch \S+ --data CIFAR-10-FOLDER-OR-TAR\.GZ` first\.\n$/,
    ],
    [
      ["build", root, ...models, "--guide", generator, "--sampler.guide", "weaker", "--sampler.guidance", "2"],
      /^model\/guide-of-onnx: a guide needs two generators .*generator\.onnx is an ONNX model\. Leave out the guide\.\n$/,
    ],
    [
      ["build", join(generator, "run"), ...models],
      /^disk\/not-a-folder: cannot read \S+: .* \(ENOTDIR\)\. Check the path\.\n$/,
    ],
    [["verify", join(generator, "run")], /^disk\/not-a-folder: /],
  ] as const) {
    const { exitCode, stdout, stderr } = await runInProcess([...args, "--quiet"]);
    expect(stderr).toMatch(line);
    expect({ exitCode, stdout }).toEqual({ exitCode: stderr.startsWith("disk/") ? 1 : 2, stdout: "" });
  }
  expect(await readdir(folder)).not.toContain("refused");
});

test("weights that are none, or of another model, are refused before the run takes them", async () => {
  const root = join(folder, "weights");
  const file = join(folder, "none.safetensors");
  await writeFile(file, "no weights at all");
  const args = ["build", "--run", root, "--count", "10", "--test-count", "0", "--generator", file, "--quiet"];
  const { exitCode, stderr } = await runInProcess(args);
  expect(stderr).toMatch(/^weights\/corrupt: .*\n$/);
  expect(exitCode).toBe(1);
  // Nothing is pinned either, so that the folder can be used with others.
  await expect(readdir(root)).rejects.toMatchObject({ code: "ENOENT" });
});

test("each stage also runs by itself", async () => {
  const { exitCode, stderr } = await runCli(["--run", join(folder, "none"), "--quiet"], "verify");
  expect(stderr).toMatch(/^run\/missing: .*\n$/);
  expect(exitCode).toBe(2);
  expect((await runCli(["--help"], "train-labeler")).stdout).toContain("--labeler.epochs");
});
