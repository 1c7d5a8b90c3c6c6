import { expect, test } from "vitest";
import { describeSplit, type SplitName } from "../../../shards/format/manifest.ts";
import { readManifest, writeManifest } from "../../../shards/format/manifest-file.ts";
import { openDataset } from "../../../shards/index.ts";
import { createSampleOrder } from "../../../shards/order/create-sample-order.ts";
import { makeTestFolder } from "../../support/make-rows.ts";

const rowsPerShard = 500_000;

/** A split of so many shards that nobody has made. */
function describe(split: SplitName, firstId: number, numShards: number) {
  const shards = Array.from({ length: numShards }, (_, part) => {
    const idStart = firstId + part * rowsPerShard;
    const file = `${split}/part-${String(part).padStart(5, "0")}.arrow`;
    const sha256 = String(part).padStart(64, "0");
    return { file, rows: rowsPerShard, bytes: rowsPerShard * 3200, sha256, idStart, idEnd: idStart + rowsPerShard };
  });
  return describeSplit(shards, new Array<number>(10).fill((numShards * rowsPerShard) / 10));
}

test("six billion rows in 12,000 shards are opened within 100 MB, and every row has a place in the order", async () => {
  const folder = await makeTestFolder();
  await writeManifest(folder, {
    name: "six billion",
    classNames: [..."abcdefghij"],
    imageShape: [32, 32, 3],
    splits: { train: describe("train", 0, 10_000), test: describe("test", 1e12, 2000) },
    configHash: "0".repeat(64),
    config: {},
    models: {},
    removals: {},
    createdBy: "tests",
  });
  const before = process.memoryUsage.rss();
  const dataset = await openDataset(folder);
  expect(process.memoryUsage.rss() - before).toBeLessThan(100e6);
  expect([dataset.numSamples, dataset.split("test").numSamples]).toEqual([5e9, 1e9]);
  expect(dataset.loader({ regime: "infinite", batchSize: 100 }).numBatches).toBe(5e7);
  const state = dataset.loader({ regime: "infinite", batchSize: 100 }).state();
  const late = { ...state, position: 4_999_999_900 };
  expect(dataset.loader({ regime: "infinite", batchSize: 100, state: late }).state()).toEqual(late);
  const options = { regime: "infinite", numSamples: 5e9, seed: 0, shuffle: { kind: "full" } } as const;
  const order = createSampleOrder(options, 5e9, [4e9]);
  const positions = [0, 3_999_999_999, 4_000_000_000, 4_294_967_296, 4_999_999_999];
  const rows = positions.map((position) => order.rowAt(order.slotAt(0, position)));
  expect(rows.map((row) => row < 4e9)).toEqual([true, true, false, false, false]);
  expect(new Set(rows).size).toBe(5);
  expect((await readManifest(folder)).splits.train.shards).toHaveLength(10_000);
});
