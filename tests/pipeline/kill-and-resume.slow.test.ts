import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { makeCifar10 } from "../support/make-cifar-10.ts";
import { hashFolder, killBuilds, runAndKill, runToEnd } from "./kill-build.ts";

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
    numKills: 8,
    maxLifeMs: 1800,
    check: async (root) => expect(await hashFolder(root)).toEqual(expected),
  });
});

test("two workers on one run, one of them killed, build the same set", async () => {
  const root = join(folder, "shared");
  // Models are trained by rank 0 only, before the others start.
  await runToEnd([program, root, data, "0", "0", "2"]);
  await rm(join(root, "receipts", "sample"), { recursive: true });
  await rm(join(root, "dataset"), { recursive: true });
  await rm(join(root, "receipts", "publish"), { recursive: true });
  const workers = ["0", "1"].map((rank) => [program, root, data, delayMs, rank, "2"]);
  await Promise.all([runToEnd(workers[0]!), runAndKill(workers[1]!, 800).then(() => runToEnd(workers[1]!))]);
  expect(await hashFolder(join(root, "dataset"))).toEqual(await hashFolder(join(folder, "undisturbed", "dataset")));
});
