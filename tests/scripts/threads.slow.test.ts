import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { hashFolder } from "../pipeline/kill-build.ts";
import { runCli } from "../support/run-cli.ts";

const size = ["--recipe", "tuned", "--count", "70", "--test-count", "30", "--unit-size", "40", "--seed", "5"];

let folder: string;
/** Files of a build with two threads. */
let expected: readonly string[];
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "cifar5m-threads-"));
  expected = await buildWith("2");
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function buildWith(threads: string): Promise<readonly string[]> {
  const root = join(folder, `build${threads}`);
  expect(await runCli(["build", root, ...size, "--threads", threads, "--quiet"])).toMatchObject({ exitCode: 0 });
  return await hashFolder(root);
}

test.each(["1", "3"])("%s threads build the bytes that two threads build, with the shipped models", async (threads) => {
  expect(await buildWith(threads)).toEqual(expected);
});

test("sample and label make the same bytes with any number of threads each", async () => {
  const root = join(folder, "build2");
  for (const part of ["samples", "labels", "receipts/sample", "receipts/label"]) {
    await rm(join(root, part), { recursive: true });
  }
  for (const [command, threads] of [
    ["sample", "3"],
    ["label", "1"],
  ] as const) {
    expect(await runCli([command, root, ...size, "--threads", threads, "--quiet"])).toMatchObject({ exitCode: 0 });
  }
  expect(await hashFolder(root)).toEqual(expected);
});

test("a number of threads that cannot be is refused in one line", async () => {
  const { exitCode, stderr } = await runCli(["sample", join(folder, "none"), "--threads", "0"]);
  expect([exitCode, stderr.trim()]).toEqual([
    2,
    "usage/out-of-range: --threads must be an integer, at least 1 and at most 1024, got 0. Leave it out to use every core.",
  ]);
});
