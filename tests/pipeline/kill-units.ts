import { cp, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, inject } from "vitest";
import { importModel } from "../../pipeline/models/models.ts";
import { readRun } from "../../pipeline/run/run.ts";
import { runFolderAt } from "../../pipeline/run/run-folder.ts";
import { firstTestId } from "../../pipeline/run/units.ts";
import { verifyRun } from "../../pipeline/verify/verify.ts";
import { readShard } from "../../shards/format/read-shard.ts";
import { testContext, tinyUnitsConfig } from "../support/run-build.ts";
import { hashFolder, killBuilds, runToEnd } from "./kill-build.ts";

/**
 * Kills sampling and publishing of runs of tiny units until there were as many kills as asked for. After each: whatever is
 * visible is whole (the very bytes of an undisturbed run, receipt or not), and no receipt that was there is lost. At the
 * end of each run: every id is there once, and the run is the undisturbed one, byte for byte.
 */
export async function killUnits(numKills: number): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "cifar5m-units-"));
  try {
    const program = (root: string) => [join(inject("compiledFolder"), "tests", "support", "stand-in-units.js"), root];
    const models = join(folder, "models");
    for (const name of ["generator", "labeler"] as const) {
      await importModel(runFolderAt(models), name, Buffer.from("weights"));
    }
    const undisturbed = join(folder, "undisturbed");
    await cp(models, undisturbed, { recursive: true });
    await runToEnd(program(undisturbed));
    const expected = await hashFolder(undisturbed);
    const known = new Set(expected);
    const done = new Map<string, readonly string[]>();
    await killBuilds({
      program,
      folder,
      numKills,
      maxLifeMs: 150,
      countFrom: "ready",
      prepare: (root) => cp(models, root, { recursive: true }),
      checkKilled: async (root) => {
        const visible = (await hashFolder(root)).filter((line) => !/\/\.[^/]*$/.test(line.split(" ")[0]!));
        expect(
          visible.filter((line) => !known.has(line)),
          "torn files",
        ).toEqual([]);
        const receipts = visible.filter((line) => line.startsWith("/receipts/"));
        expect(
          (done.get(root) ?? []).filter((line) => !receipts.includes(line)),
          "lost receipts",
        ).toEqual([]);
        done.set(root, receipts);
      },
      check: async (root) => {
        expect(await hashFolder(root)).toEqual(expected);
        expect(await verifyRun(root, testContext())).toEqual([]);
        const { count, testCount } = tinyUnitsConfig;
        expect(await idsOf(root)).toEqual([
          ...Array.from({ length: count }, (_, id) => id),
          ...Array.from({ length: testCount }, (_, index) => firstTestId + index),
        ]);
      },
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Ids of all existing shards, in the order of the units. */
async function idsOf(root: string): Promise<number[]> {
  const { folder, units } = await readRun(runFolderAt(root));
  const ids: number[] = [];
  for (const unit of units) ids.push(...(await readShard(folder.shard(unit))).columns.id);
  const names = await Promise.all(["train", "test"].map((split) => readdir(join(folder.dataset, split))));
  expect(names.flat()).toHaveLength(units.length);
  return ids;
}
