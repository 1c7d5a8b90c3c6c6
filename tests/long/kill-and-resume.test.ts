import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { hashFolder, killBuilds, runToEnd } from "../pipeline/kill-build.ts";
import { makeCifar10 } from "../support/make-cifar-10.ts";

let folder: string;
let data: string;
const program = join(inject("compiledFolder"), "tests", "support", "stand-in-build.js");
const delayMs = "10";

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "cifar5m-kill-"));
  data = join(folder, "cifar-10");
  await makeCifar10(data);
  await runToEnd([program, join(folder, "undisturbed"), data, "0"]);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

test("a build killed at random moments and resumed leaves the same files as an undisturbed one", async () => {
  const expected = await hashFolder(join(folder, "undisturbed"));
  await killBuilds({
    program: (root) => [program, root, data, delayMs],
    folder,
    numKills: 50,
    maxLifeMs: 1800,
    check: async (root) => expect(await hashFolder(root)).toEqual(expected),
  });
});
