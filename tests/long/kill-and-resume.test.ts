import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { hashFolder, killAndResume, runToEnd } from "../pipeline/kill-build.ts";
import { makeCifar10 } from "../pipeline/make-cifar-10.ts";

let folder: string;
let data: string;
const program = join(inject("compiledFolder"), "tests", "pipeline", "stand-in-build.js");
const delayMs = "10";

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "cifar5m-kill-"));
  data = join(folder, "cifar-10");
  await makeCifar10(data);
  await runToEnd([program, join(folder, "undisturbed"), data, "0"]);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

test("a build killed at random moments and resumed leaves the very files of an undisturbed one", async () => {
  const root = join(folder, "killed");
  const { numKilled } = await killAndResume({
    program: [program, root, data, delayMs],
    numKills: 50,
    maxLifeMs: 1800,
    random: Math.random,
  });
  expect(numKilled).toBeGreaterThan(20);
  expect(await hashFolder(root)).toEqual(await hashFolder(join(folder, "undisturbed")));
});
