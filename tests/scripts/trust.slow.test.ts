import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { regenerateImage } from "../../pipeline/repair/regenerate.ts";
import { resolveConfig } from "../../pipeline/run/config.ts";
import { runFolderAt } from "../../pipeline/run/run-folder.ts";
import { hashFolder } from "../pipeline/kill-build.ts";
import { errorOf } from "../support/expect-error.ts";
import { makeCifar10 } from "../support/make-cifar-10.ts";
import { runBuild, smallConfig } from "../support/run-build.ts";
import { runCli } from "../support/run-cli.ts";
import { standInImage, standInRuntime } from "../support/stand-in-runtime.ts";

let folder: string;
let root: string;
const shard = "dataset/train/part-00001.arrow";
const config = resolveConfig(smallConfig);
const copy = standInImage({ seed: 0, weights: Buffer.from("w") }, 2, 2);
const runtime = standInRuntime({ planted: new Map([2, 30].map((id) => [id, copy])) });

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "cifar5m-trust-"));
  root = join(folder, "run");
  await makeCifar10(join(folder, "cifar-10"));
  await runBuild({ root, runtime, sources: { data: join(folder, "cifar-10") } });
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function copyRun(name: string): Promise<string> {
  await cp(root, join(folder, name), { recursive: true });
  return join(folder, name);
}

async function flipBit(path: string, byte: number): Promise<void> {
  const bytes = await readFile(path);
  bytes[byte] = bytes[byte]! ^ 1;
  await writeFile(path, bytes);
}

test("verify in its three ways: a flipped bit is found by reading all, a cut by sizes alone; repair brings it back", async () => {
  const damaged = await copyRun("damaged");
  const whole = await hashFolder(damaged);
  for (const flags of [[], ["--fast"], ["--sample", "5%"]]) {
    expect((await runCli(["verify", "--run", damaged, ...flags])).stdout).toMatch(/^verified: .* is whole/);
  }
  await flipBit(join(damaged, shard), 4000);
  expect((await runCli(["verify", "--run", damaged, "--fast"])).exitCode).toBe(0);
  for (const flags of [[], ["--sample", "100%"]]) {
    const { exitCode, stderr } = await runCli(["verify", "--run", damaged, ...flags]);
    expect(stderr).toMatch(/^shard\/hash-mismatch: .*part-00001\.arrow is sha256 .*\n$/);
    expect(exitCode).toBe(1);
  }
  await writeFile(join(damaged, shard), "short");
  expect((await runCli(["verify", "--run", damaged, "--fast"])).stderr).toMatch(/^shard\/size-mismatch: .*\n$/);
  const args = ["repair", "--run", damaged, "--records-per-file", String(smallConfig.recordsPerFile), "--quiet"];
  const repaired = await runCli(args);
  expect(repaired).toEqual({ exitCode: 0, stdout: `repaired: ${join(damaged, shard)}\n`, stderr: "" });
  expect(await hashFolder(damaged)).toEqual(whole);
  expect((await runCli(args)).stdout).toMatch(/^nothing to repair: /);
});

test("a dataset folder alone, as it is downloaded, is verified without receipts", async () => {
  const alone = join(folder, "alone");
  await cp(join(root, "dataset"), alone, { recursive: true });
  expect((await runCli(["verify", "--run", alone])).exitCode).toBe(0);
  await flipBit(join(alone, "train/part-00001.arrow"), 4000);
  expect((await runCli(["verify", "--run", alone])).stderr).toMatch(/^shard\/hash-mismatch: /);
});

test("an image made again is the same as the stored one, or the bytes that differ are named", async () => {
  const made = await regenerateImage({ folder: runFolderAt(root), config, runtime, id: 17 });
  expect(made).toMatchObject({ path: join(root, shard), row: 0, differing: [] });
  const other = Uint8Array.from(made.stored);
  for (const byte of [3, 4, 3071]) other[byte]! ^= 8;
  const changed = standInRuntime({ planted: new Map([[17, other]]) });
  expect((await regenerateImage({ folder: runFolderAt(root), config, runtime: changed, id: 17 })).differing).toEqual([
    3, 4, 3071,
  ]);
});

test("an id outside of the pool, or removed, cannot be made again, and the error says why", async () => {
  const regenerate = (id: number) => regenerateImage({ folder: runFolderAt(root), config, runtime, id });
  expect((await errorOf(() => regenerate(71), "regenerate/no-such-id")).message).toContain(
    "[0, 50) or [1000000000000, 1000000000021), got 71",
  );
  const { message } = await errorOf(() => regenerate(30), "regenerate/removed");
  expect(message).toContain("id 30 was removed as a copy of id 2 (duplicate-within-set)");
});

test("an id whose shard is lost, or holds other rows, is told from one that was removed", async () => {
  const damaged = await copyRun("lost");
  const regenerate = () => regenerateImage({ folder: runFolderAt(damaged), config, runtime, id: 20 });
  const path = join(damaged, shard);
  await cp(join(root, "dataset/train/part-00000.arrow"), path);
  expect((await errorOf(regenerate, "regenerate/not-stored")).message).toBe(
    `id 20 must be in ${path} or in ${join(damaged, "dedup/removals/train-00001.jsonl")}, and is in neither. Run \`cifar5m verify\`.`,
  );
  await rm(path);
  expect((await errorOf(regenerate, "regenerate/not-published")).message).toContain(
    `${path} must hold id 20, and does not exist. Run \`cifar5m build\` to its end, or \`cifar5m repair\``,
  );
});

test("regenerate with real models: same with exit code 0; a stored image that was changed, its bytes and exit code 1", async () => {
  const real = join(folder, "real");
  const size = ["--count", "20", "--test-count", "0", "--unit-size", "10", "--sampler.steps", "2"];
  expect((await runCli(["build", "--run", real, ...size, "--quiet"])).exitCode).toBe(0);
  const args = ["regenerate", "--run", real, "--id", "13"];
  expect((await runCli(args)).stdout).toMatch(/^same: id 13 \(.*part-00001\.arrow, row \d\)/);
  const path = join(real, shard);
  const { stored } = await regenerateImage({ folder: runFolderAt(real), config, runtime, id: 13 });
  await flipBit(path, (await readFile(path)).indexOf(stored) + 100);
  const { exitCode, stderr } = await runCli(args);
  expect(stderr).toMatch(
    /^regenerate\/different: id 13 .* differs in 1 of 3072 bytes, by up to 1 of 255: bytes 100\. .*\n$/,
  );
  expect(exitCode).toBe(1);
});

describe.concurrent("wrong usage is one line on stderr and exit code 2", () => {
  test.for([
    [["verify", "--sample", "5"], /^usage\/out-of-range: --sample .*got 5\./],
    [["verify", "--sample", "0%"], /^usage\/out-of-range: --sample .*got 0%\./],
    [["verify", "--sample", "5%", "--fast"], /^usage\/contradiction: /],
    [["verify", "--sample-seed", "5"], /^usage\/contradiction: /],
    [["regenerate"], /^usage\/wrong: .*id/],
    [["regenerate", "--id", "-3"], /^usage\/out-of-range: --id .*got -3\./],
    [["regenerate", "--id", "three"], /^usage\/out-of-range: --id .*got three\./],
  ] as const)("%s", async ([args, line]) => {
    const { exitCode, stderr } = await runCli([...args, "--run", root]);
    expect(stderr).toMatch(line);
    expect(stderr.trim().split("\n").length).toBe(1);
    expect(exitCode).toBe(2);
  });
});
