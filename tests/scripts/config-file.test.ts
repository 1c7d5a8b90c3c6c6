import { readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeEach, expect, test } from "vitest";
import { makeTestFolder } from "../support/make-rows.ts";
import { runInProcess } from "../support/run-in-process.ts";

let folder: string;
beforeEach(async () => {
  folder = await makeTestFolder();
});

test("--dry-run prints the configuration of file and flags with its hash, and writes nothing", async () => {
  const root = join(folder, "dry");
  const file = join(folder, "config.json");
  await writeFile(file, JSON.stringify({ count: 500, sampler: { steps: 9, rho: 5 } }));
  const flags = ["--dry-run", "--sampler.steps", "4", "--generator.multipliers", "1,2"];
  const { exitCode, stdout } = await runInProcess(["build", "--run", root, "--config", file, ...flags]);
  expect(exitCode).toBe(0);
  const { hash, config } = JSON.parse(stdout);
  expect(hash).toMatch(/^[0-9a-f]{64}$/);
  expect(config.count).toBe(500);
  expect(config.sampler).toMatchObject({ steps: 4, rho: 5 });
  expect(config.generator.multipliers).toEqual([1, 2]);
  expect(await readdir(folder)).not.toContain("dry");
  await writeFile(file, stdout);
  const again = await runInProcess(["build", "--run", root, "--config", file, "--dry-run"]);
  expect(JSON.parse(again.stdout)).toEqual({ hash, config });
});

test("a key that is not a key of the configuration is named, also beside a hash", async () => {
  const file = join(folder, "hash.json");
  await writeFile(file, JSON.stringify({ hash: "0", count: 5 }));
  const { exitCode, stderr } = await runInProcess(["build", "--run", join(folder, "none"), "--config", file]);
  expect(stderr).toMatch(/hash/);
  expect(stderr).not.toContain("is not an object");
  expect(exitCode).toBe(2);
});

test("a config file that is not JSON is named", async () => {
  const file = join(folder, "broken.json");
  await writeFile(file, "{ count: 5 }");
  const { exitCode, stderr } = await runInProcess(["build", "--run", join(folder, "none"), "--config", file]);
  expect(stderr).toContain(`config/not-json: ${file}`);
  expect(exitCode).toBe(2);
});
