import { cp, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { shippedFile } from "../../pipeline/run/shipped-files.ts";
import { readManifest } from "../../shards/format/manifest-file.ts";
import { runCli } from "../support/run-cli.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "cifar5m-pinned-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

test("another configuration than the run folder's is refused", async () => {
  const root = join(folder, "changed");
  const build = (count: string, ...more: string[]) =>
    runCli(["build", "--run", root, "--count", count, "--test-count", "0", "--recipe", "tuned", ...more]);
  expect((await build("10")).exitCode).toBe(0);
  const reseeded = await build("10", "--seed", "3");
  expect(reseeded.stderr).toMatch(/run\/config-changed: .*run\.json .*seed is 0, now 3.*\n$/);
  const shrunk = await build("5");
  expect(shrunk.stderr).toMatch(/run\/config-changed: .*count.*10.*5.*\n$/);
  expect([reseeded.exitCode, shrunk.exitCode]).toEqual([2, 2]);
});

test("a run goes on with its own models where none are named, though another release ships others", async () => {
  const root = join(folder, "older");
  const build = (count: string, ...more: string[]) =>
    runCli(["build", root, "--count", count, "--test-count", "0", "--unit-size", "10", "--quiet", ...more]);
  // The judge was the labeler of an earlier release.
  const older = shippedFile("judge.safetensors");
  expect(await build("10", "--recipe", "tuned", "--labeler", older)).toMatchObject({ exitCode: 0, stderr: "" });
  expect(await build("20")).toMatchObject({ exitCode: 0, stderr: "" });
  expect(await readFile(join(root, "models", "labeler.safetensors"))).toEqual(await readFile(older));
  expect((await readManifest(join(root, "dataset"))).splits.train.rows).toBe(20);
  const other = await build("20", "--labeler", shippedFile("labeler.safetensors"));
  expect(other.stderr).toMatch(/^run\/config-changed: .*labeler\.config\.json .*\n$/);
});

test("consistency sampling and tuned weights need each other", async () => {
  const args = ["build", "--run", join(folder, "tuned"), "--count", "10", "--test-count", "0", "--quiet"];
  const [tuned, plain] = ["tuned", "generator"].map((name) => shippedFile(`${name}.safetensors`)) as [string, string];
  const without = await runCli([...args, "--generator", tuned]);
  expect(without.stderr).toMatch(/^config\/out-of-range: sampler\.name must be consistency .* Use --recipe tuned\.\n$/);
  const wrong = await runCli([...args, "--recipe", "tuned", "--generator", plain]);
  expect(wrong.stderr).toMatch(/^config\/out-of-range: sampler\.name must be another than consistency .*\n$/);
  const right = await runCli([...args, "--recipe", "tuned"]);
  expect(right.stderr).toBe("");
  expect(right.exitCode).toBe(0);
});

test("a stage pins a new run only for options that fit the models it has", async () => {
  const [built, root] = ["models-of", "models-only"].map((name) => join(folder, name)) as [string, string];
  const size = ["--count", "10", "--test-count", "0", "--quiet"];
  expect((await runCli(["build", "--run", built, ...size])).exitCode).toBe(0);
  for (const part of ["models", "receipts/train-generator", "receipts/train-labeler"]) {
    await cp(join(built, part), join(root, part), { recursive: true });
  }
  const wrong = await runCli(["sample", "--run", root, ...size, "--recipe", "tuned"]);
  expect(wrong.stderr).toMatch(/^config\/out-of-range: sampler\.name must be another than consistency .*\n$/);
  expect(await runCli(["sample", "--run", root, ...size])).toMatchObject({ exitCode: 0, stderr: "" });
});
