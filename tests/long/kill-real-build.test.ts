import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { hashFolder, killBuilds, runToEnd } from "../pipeline/kill-build.ts";
import { makeCifar10, recordsPerFile } from "../support/make-cifar-10.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "cifar5m-kill-real-"));
  await makeCifar10(join(folder, "cifar-10"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** The command line, with real models of the smallest size, trained for some steps. */
const buildInto = (root: string) => [
  ...[join(inject("compiledFolder"), "scripts", "cifar5m.js"), "build", "--quiet", "--run", root],
  ...["--data", join(folder, "cifar-10"), "--records-per-file", String(recordsPerFile)],
  ...["--count", "60", "--test-count", "20", "--unit-size", "10", "--sampler.steps", "3", "--sampler.batch-size", "4"],
  ...["--generator.channels", "8", "--generator.multipliers", "1", "--generator.blocks", "1", "--generator.patch", "4"],
  ...["--generator.batch-size", "4", "--generator.num-images", "120", "--generator.steps-per-checkpoint", "5"],
  ...["--labeler.widths", "8,8", "--labeler.batch-size", "10", "--labeler.epochs", "5"],
];

test("a command line killed 50 times at random moments of training and sampling builds the same set", async () => {
  const whole = join(folder, "undisturbed");
  const startedMs = performance.now();
  await runToEnd(buildInto(whole));
  const maxLifeMs = (performance.now() - startedMs) * 0.7;
  const check = async (root: string) => {
    for (const part of ["dataset", "receipts"]) {
      expect(await hashFolder(join(root, part))).toEqual(await hashFolder(join(whole, part)));
    }
  };
  await killBuilds({ program: buildInto, folder, numKills: 50, maxLifeMs, check });
});
