import { join } from "node:path";
import { expect, test } from "vitest";
import { resolveConfig } from "../../../pipeline/run/config.ts";
import { readRunConfig } from "../../../pipeline/run/run.ts";
import { runFolderAt } from "../../../pipeline/run/run-folder.ts";
import {
  dedupStep,
  fingerprintStep,
  labelStep,
  manifestStep,
  publishStep,
  sampleStep,
} from "../../../pipeline/steps.ts";
import { errorOf } from "../../support/expect-error.ts";
import { installModels } from "../../support/grow-set.ts";
import { makeTestFolder } from "../../support/make-rows.ts";
import { runSteps, testContext } from "../../support/run-build.ts";
import { standInRuntime } from "../../support/stand-in-runtime.ts";

test("after every stage but the last, a manifest is refused because a unit is not published", async () => {
  const root = join(await makeTestFolder(), "run");
  await installModels(root);
  const config = resolveConfig({ count: 30, testCount: 10, unitSize: 10, sampler: { batchSize: 4 } });
  const options = { folder: runFolderAt(root), config, runtime: standInRuntime(), takeOver: true };
  for (const step of [sampleStep, labelStep, fingerprintStep, dedupStep]) {
    await runSteps([step(options)], testContext());
    const { message } = await errorOf(() => runSteps([manifestStep(options)], testContext()), "receipt/missing");
    expect(message).toMatch(/receipts.publish.train-00000\.json does not exist, so its unit is not done/);
  }
  await runSteps([publishStep(options), manifestStep(options)], testContext());
});

test("finish does not turn a misspelled folder into a run", async () => {
  const folder = runFolderAt(join(await makeTestFolder(), "misspelled"));
  const options = { folder, config: resolveConfig({}), runtime: standInRuntime(), takeOver: false };
  await errorOf(() => runSteps([manifestStep(options)], testContext()), "run/model-missing");
  expect(await readRunConfig(folder)).toEqual({});
});
