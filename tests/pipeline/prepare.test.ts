import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { isPrepared, prepareSteps } from "../../pipeline/prepare.ts";
import { resolveConfig } from "../../pipeline/run/config.ts";
import { runFolderAt } from "../../pipeline/run/run-folder.ts";
import { readSpeedIfAny } from "../../pipeline/run/speed.ts";
import { errorOf } from "../support/expect-error.ts";
import { makeTestFolder } from "../support/make-rows.ts";
import { runSteps, testContext } from "../support/run-build.ts";
import { standInRuntime } from "../support/stand-in-runtime.ts";

/** Prepares a run whose batches of 16 images take 50 ms or more, so that a unit takes half a minute at least. */
function prepare(root: string, walltimeSeconds: number, given: object = {}) {
  const runtime = standInRuntime({ delayMs: 50 });
  const options = { folder: runFolderAt(root), config: resolveConfig(given), runtime, takeOver: false };
  return runSteps(prepareSteps(options, {}, { walltimeSeconds, report: () => undefined }), testContext());
}

test("units that do not fit into the walltime are refused before anything is pinned, with what would fit", async () => {
  const root = join(await makeTestFolder(), "run");
  const error = await errorOf(() => prepare(root, 60), "submit/walltime-too-short");
  expect(error.message).toMatch(
    /^a unit of 10000 images must take at most half of a task's 60 s, and takes about \d+ s /,
  );
  expect(error.message).toMatch(/ Use a --time of \d+ minutes or more, or a new run with --unit-size \d+\.$/);
  await expect(readdir(root)).rejects.toMatchObject({ code: "ENOENT" });
  await prepare(root, 60, { unitSize: 10 });
  expect(await isPrepared(runFolderAt(root))).toBe(true);
});

test("a prepared run has its configuration, its models and its speed, and may be prepared again", async () => {
  const root = join(await makeTestFolder(), "run");
  expect(await isPrepared(runFolderAt(root))).toBe(false);
  for (let turn = 0; turn < 2; turn++) await prepare(root, 1e6);
  expect((await readdir(root)).sort()).toEqual(["models", "receipts", "run.json", "speed.json"]);
  const speed = await readSpeedIfAny(runFolderAt(root));
  expect(speed!.sample).toBeLessThanOrEqual(16 / 0.049);
  await errorOf(() => prepare(root, 1e6, { seed: 1 }), "run/config-changed");
});
