import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, inject, test } from "vitest";
import { grownSizes, growTo, installModels, rowsOf } from "../../support/grow-set.ts";
import { hashFolder, killBuilds, runToEnd } from "../kill-build.ts";

/** Long enough for a busy machine, where a process needs seconds to start. */
const timeoutMs = 600_000;

test("30 kills while a set grows twice: what was published stays, and the end is that of an undisturbed growth", {
  timeout: timeoutMs,
}, async () => {
  const folder = await mkdtemp(join(tmpdir(), "cifar5m-kill-growth-"));
  try {
    const program = (root: string) => [join(inject("compiledFolder"), "tests", "support", "stand-in-growth.js"), root];
    const models = join(folder, "models");
    await installModels(models);
    const undisturbed = join(folder, "undisturbed");
    await cp(models, undisturbed, { recursive: true });
    await runToEnd(program(undisturbed));
    const expected = await hashFolder(undisturbed);
    const once = join(folder, "once");
    await growTo({ root: once, unitSize: 3 }, grownSizes.at(-1)!);
    for (const split of ["train", "test"] as const) {
      expect(await rowsOf(undisturbed, split)).toEqual(await rowsOf(once, split));
    }
    const published = (lines: readonly string[]) => lines.filter((line) => /\/dataset\/t[^.]*\.arrow /.test(line));
    const seen = new Map<string, readonly string[]>();
    await killBuilds({
      program,
      folder,
      numKills: 30,
      maxLifeMs: 300,
      countFrom: "ready",
      prepare: (root) => cp(models, root, { recursive: true }),
      checkKilled: async (root) => {
        const now = published(await hashFolder(root));
        expect(now).toEqual(expect.arrayContaining([...(seen.get(root) ?? [])]));
        expect(expected).toEqual(expect.arrayContaining(now));
        seen.set(root, now);
      },
      check: async (root) => expect(await hashFolder(root)).toEqual(expected),
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
