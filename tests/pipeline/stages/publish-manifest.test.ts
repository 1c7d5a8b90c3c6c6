import { join } from "node:path";
import { expect, test } from "vitest";
import { resolveConfig } from "../../../pipeline/run/config.ts";
import { pinnedFiles } from "../../../pipeline/run/pinned-run.ts";
import { type Run, readRunConfig } from "../../../pipeline/run/run.ts";
import { runFolderAt } from "../../../pipeline/run/run-folder.ts";
import { planUnits } from "../../../pipeline/run/units.ts";
import { publishManifest } from "../../../pipeline/stages/publish-manifest.ts";
import {
  dedupStep,
  fingerprintStep,
  labelStep,
  manifestStep,
  publishStep,
  sampleStep,
} from "../../../pipeline/steps.ts";
import { readManifest } from "../../../shards/format/manifest-file.ts";
import { replaceBytes } from "../../../storage/commit.ts";
import { receiptFor, writeReceipt } from "../../../storage/receipt.ts";
import { errorOf } from "../../support/expect-error.ts";
import { installModels } from "../../support/grow-set.ts";
import { makeTestFolder } from "../../support/make-rows.ts";
import { mountMemoryBucket } from "../../support/memory-bucket.ts";
import { runSteps, testContext } from "../../support/run-build.ts";
import { standInRuntime } from "../../support/stand-in-runtime.ts";

test("after every stage but the last, a manifest is refused because a unit is not published", async () => {
  const root = join(await makeTestFolder(), "run");
  await installModels(root);
  const config = resolveConfig({ count: 30, testCount: 10, unitSize: 10, sampler: { batchSize: 4 } });
  const options = { folder: runFolderAt(root), config, runtime: standInRuntime(), takeOver: true };
  const begun = [sampleStep, labelStep, fingerprintStep, dedupStep];
  const commands = ["label", "label", "dedup"];
  for (const [index, step] of begun.entries()) {
    await runSteps([step(options)], testContext());
    const { message } = await errorOf(() => runSteps([manifestStep(options)], testContext()), "receipt/missing");
    // Receipts are read side by side, and the first that is missing is named.
    expect(message).toMatch(/receipts.publish.(train|test)-\d{5}\.json does not exist, so its unit is not done/);
    expect(message).toContain(`Run \`cifar5m publish ${root}\` first.`);
    if (index === 3) continue;
    const published = await errorOf(() => runSteps([publishStep(options)], testContext()), "receipt/missing");
    expect(published.message).toMatch(new RegExp(`Run \`cifar5m (${commands[index]}|dedup) ${root}\` first\\.$`));
  }
  await runSteps([publishStep(options), manifestStep(options)], testContext());
});

test("finish does not turn a misspelled folder into a run", async () => {
  const folder = runFolderAt(join(await makeTestFolder(), "misspelled"));
  const options = { folder, config: resolveConfig({}), runtime: standInRuntime(), takeOver: false };
  await errorOf(() => runSteps([manifestStep(options)], testContext()), "run/missing");
  expect(await readRunConfig(folder)).toEqual({});
});

test("a worker that is slow at a size does not replace the manifest of a larger size, in a folder or in a bucket", async () => {
  const models = { generator: "b".repeat(64) };
  const summary = { reasons: [], classCounts: [10, ...new Array<number>(9).fill(0)] };
  for (const root of [join(await makeTestFolder(), "run"), mountMemoryBucket().root]) {
    const runAt = (...counts: number[]): Run => {
      const sizes = counts.map((count) => ({ count, testCount: 0 }));
      const config = resolveConfig({ ...sizes.at(-1)!, unitSize: 10 });
      const hash = "a".repeat(64);
      return {
        folder: runFolderAt(root),
        config,
        identity: {},
        hash,
        sizes,
        canGrow: true,
        units: planUnits(sizes, 10),
      };
    };
    const [small, large] = [runAt(20), runAt(20, 40)];
    // The larger size was pinned after the slow worker had begun.
    for (const { path, text } of pinnedFiles(large.folder, { identity: { unitSize: 10 }, sizes: large.sizes })) {
      await replaceBytes(path, text);
    }
    for (const unit of large.units) {
      const [dataPath, receiptPath] = [large.folder.shard(unit), large.folder.receipt("publish", unit.name)];
      const { number, idStart, idEnd } = unit;
      const made = {
        stage: "publish",
        unit: number,
        idStart,
        idEnd,
        configHash: large.hash,
        models,
        createdBy: "test",
      };
      const written = { rows: 10, bytes: 50_000, sha256: "c".repeat(64), dataPath, receiptPath };
      await writeReceipt(receiptPath, receiptFor({ origin: made, ...written }));
    }
    const context = { signal: new AbortController().signal };
    let hasGrown = false;
    const inForce = await publishManifest(small, models, context, () => async () => {
      if (!hasGrown) {
        hasGrown = true;
        await publishManifest(large, models, context, () => async () => summary);
      }
      return summary;
    });
    expect(inForce.splits.train.rows).toBe(40);
    expect(await readManifest(large.folder.dataset)).toEqual(inForce);
  }
});
