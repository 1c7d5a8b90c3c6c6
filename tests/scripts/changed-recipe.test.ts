import { join } from "node:path";
import { expect, test } from "vitest";
import { resolveConfig } from "../../pipeline/run/config.ts";
import { recipes } from "../../pipeline/run/recipes.ts";
import { openRun } from "../../pipeline/run/run.ts";
import { runFolderAt } from "../../pipeline/run/run-folder.ts";
import { makeTestFolder } from "../support/make-rows.ts";
import { runInProcess } from "../support/run-in-process.ts";

test("a recipe that is not the run's is named before the values that differ, and no other option is", async () => {
  const root = await makeTestFolder();
  await openRun(runFolderAt(root), resolveConfig({ ...recipes.tuned, count: 20, testCount: 0 }));
  const changed = await runInProcess(["build", root, "--recipe", "fast", "--quiet"]);
  expect(changed.exitCode).toBe(2);
  expect(changed.stderr).toMatch(
    /^run\/config-changed: --recipe fast is not the run's: .*run\.json was begun with other values: sampler\.[^\n]*\n$/,
  );
  expect(changed.stderr).toContain(join(root, "run.json"));
  const seed = await runInProcess(["build", root, "--recipe", "tuned", "--seed", "7", "--quiet"]);
  expect(seed.stderr).toMatch(/^run\/config-changed: .*run\.json was begun with other values: seed is 0, now 7\./);
  expect(seed.stderr).not.toContain("--recipe");
});
