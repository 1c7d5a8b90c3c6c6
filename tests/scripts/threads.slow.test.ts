import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { hashFolder } from "../pipeline/kill-build.ts";
import { makeCifar10 } from "../support/make-cifar-10.ts";
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

// onnxruntime does not promise this, but weights would come from a machine's number of cores if it did otherwise.
test("small trainings end with the same weights, whatever the number of threads", async () => {
  const data = join(folder, "cifar-10");
  await makeCifar10(data, 40);
  const records = ["--records-per-file", "40", "--quiet"];
  const trainWith = async (threads: string) => {
    const root = join(folder, `train${threads}`);
    const commands = [
      ["fetch", root, "--data", data],
      ["train", "labeler", root, "--labeler.batch-size", "50", "--labeler.epochs", "1", "--threads", threads],
      ["train", "generator", root, "--generator.channels", "8", "--generator.batch-size", "8"].concat(
        ...["--generator.num-images", "24", "--threads", threads],
      ),
    ];
    for (const command of commands) expect(await runCli([...command, ...records])).toMatchObject({ exitCode: 0 });
    return (await hashFolder(join(root, "models"))).filter((line) => /^\/(generator|labeler)\.safetensors /.test(line));
  };
  const weights = await trainWith("1");
  expect(weights.length).toBe(2);
  expect(await trainWith("2")).toEqual(weights);
});

test("a number of threads that cannot be is refused in one line", async () => {
  const { exitCode, stderr } = await runCli(["sample", join(folder, "none"), "--threads", "0"]);
  expect([exitCode, stderr.trim()]).toEqual([
    2,
    "usage/out-of-range: --threads must be an integer, at least 1 and at most 1024, got 0. Leave it out to use every core.",
  ]);
});
