import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Cifar5mError } from "../../../core/errors.ts";
import type { ModelRuntime } from "../../../pipeline/models/model-runtime.ts";
import { repairRun } from "../../../pipeline/repair/repair.ts";
import { runFolderAt } from "../../../pipeline/run/run-folder.ts";
import { verifyRun } from "../../../pipeline/verify/verify.ts";
import { errorOf } from "../../support/expect-error.ts";
import { testContext } from "../../support/run-build.ts";
import { standInRuntime } from "../../support/stand-in-runtime.ts";
import { hashFolder } from "../kill-build.ts";
import {
  config,
  copyRun,
  expected,
  flipBit,
  makeFinishedRun,
  plantedCopies,
  removeFinishedRun,
  repair,
  repairableFiles,
  runtime,
} from "./finished-run.ts";

beforeAll(makeFinishedRun);
afterAll(removeFinishedRun);

test("a repair that fails keeps the units that it has made for the next one", async () => {
  const root = await copyRun();
  for (const name of ["samples", "labels"]) await rm(join(root, name), { recursive: true });
  for (const name of await readdir(join(root, "dataset/train"))) await flipBit(join(root, "dataset/train", name), 4321);
  const full = new Cifar5mError("disk/full", "cannot write: the disk is full.");
  const first = testContext();
  const failing: ModelRuntime = { ...runtime, openLabeler: () => Promise.reject(full) };
  await errorOf(() => repairRun({ folder: runFolderAt(root), config, runtime: failing }, first), "disk/full");
  expect(first.counts.get("sample/images")).toBe(50);
  const rest = testContext();
  await repairRun({ folder: runFolderAt(root), config, runtime }, rest);
  expect([rest.counts.get("sample/images"), rest.counts.get("label/images")]).toEqual([undefined, 50]);
  expect(await verifyRun(root, testContext())).toEqual([]);
  expect(await readdir(root)).not.toContain("repair");
});

test("an interrupted repair leaves no torn file and continues where it stopped", async () => {
  const root = await copyRun();
  await rm(join(root, "samples"), { recursive: true });
  for (const name of await readdir(join(root, "dataset/train"))) await flipBit(join(root, "dataset/train", name), 4321);
  const stop = new AbortController();
  let numSampled = 0;
  const context = {
    ...testContext(),
    signal: stop.signal,
    count: (name: string) => {
      if (name === "sample/images" && ++numSampled === 7) stop.abort();
    },
  };
  await expect(repairRun({ folder: runFolderAt(root), config, runtime }, context)).rejects.toThrow();
  expect(await readdir(join(root, "repair/samples"))).not.toEqual([]);
  const rest = testContext();
  await repairRun({ folder: runFolderAt(root), config, runtime }, rest);
  expect(rest.counts.get("sample/images")).toBeLessThan(50);
  expect(await verifyRun(root, testContext())).toEqual([]);
  expect(await readdir(root)).not.toContain("repair");
});

test("several repairs at once all succeed, and together they make every file again", async () => {
  const slow = standInRuntime({ planted: plantedCopies(), delayMs: 3 });
  for (let round = 0; round < 4; round++) {
    const root = await copyRun();
    const damaged = repairableFiles().filter((name) => /^(dataset|samples|labels)\/(train|test|sample)/.test(name));
    for (const [index, file] of damaged.entries()) await flipBit(join(root, file), 1000 * round + 77 * index);
    const ends = await Promise.allSettled([repair(root), repair(root, slow), repair(root, slow)]);
    expect(ends.filter(({ status }) => status === "rejected")).toEqual([]);
    expect(await hashFolder(root)).toEqual(expected);
    expect(await verifyRun(root, testContext())).toEqual([]);
  }
});
