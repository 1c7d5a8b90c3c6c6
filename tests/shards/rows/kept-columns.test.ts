import { expect, test } from "vitest";
import { imageBytes } from "../../../core/image-layout.ts";
import { allocateExtras } from "../../../shards/rows/extra-columns.ts";
import { folderSource } from "../../../shards/rows/folder-source.ts";
import { resolveFilter } from "../../../shards/rows/row-filter.ts";
import { countRows } from "../../../shards/rows/row-numbers.ts";
import { RowStore } from "../../../shards/rows/row-store.ts";
import { selectRows } from "../../../shards/rows/select-rows.ts";
import type { ShardSource } from "../../../shards/rows/shard-source.ts";
import { makeDataset, makeTestFolder } from "../../support/make-rows.ts";

/** A store of 60 rows in 2 shards of one record batch, and the bytes that it reads from their files. */
async function openCounted({ memoryBytes = 0 } = {}) {
  const folder = await makeTestFolder();
  const { splits, classNames } = await makeDataset(folder, { train: 60, test: 0, rowsPerShard: 30 });
  const counted = { bytes: 0 };
  const files = folderSource(folder);
  const open: ShardSource["open"] = (entry) => {
    const file = files.open(entry)!;
    const readInto: typeof file.readInto = (position, target) => {
      counted.bytes += target.byteLength;
      file.readInto(position, target);
    };
    return { ...file, readInto };
  };
  const store = new RowStore({
    source: { ...files, open },
    entries: splits.train.shards,
    numClasses: 10,
    memoryBytes,
  });
  const count = async (work: () => Promise<void> | void) => {
    counted.bytes = 0;
    await work();
    return counted.bytes;
  };
  return { store, classNames, count };
}

test("a filter reads labels and confidences of all rows, and keeps them in memory no longer than it works", async () => {
  const { store, classNames, count } = await openCounted();
  const filter = resolveFilter({ minConfidence: 0.2 }, classNames);
  const select = async () => expect(countRows(await selectRows(store, filter))).toBeGreaterThan(0);
  // The first one also reads where the columns lie.
  await select();
  expect(await count(select)).toBe(60 * (8 + 4));
  expect(await count(select)).toBe(60 * (8 + 4));
  store.close();
});

test("a filter leaves images alone that fit into memory; a row that is read brings those of its shard there", async () => {
  const { store, classNames, count } = await openCounted({ memoryBytes: 2 ** 20 });
  const filter = resolveFilter({ minConfidence: 0.2 }, classNames);
  const select = async () => expect(countRows(await selectRows(store, filter))).toBeGreaterThan(0);
  expect(await count(select)).toBeLessThan(2 * imageBytes);
  const images = new Uint8Array(imageBytes);
  expect(await count(() => store.readImage(40, 0, images))).toBe(30 * imageBytes);
  expect(await count(() => store.readImage(41, 0, images))).toBe(0);
  store.close();
});

test("only the columns that are asked for are read", async () => {
  const { store, count } = await openCounted();
  const release = store.use();
  const copy = (columns: Parameters<typeof allocateExtras>[0]) => () =>
    store.readExtras(3, 0, allocateExtras(columns, 1, 10));
  await count(copy(["probabilities"]));
  expect(await count(copy(["probabilities"]))).toBe(4 * 10);
  expect(await count(copy(["confidence"]))).toBe(4 * 30);
  expect(await count(copy(["class", "confidence"]))).toBe(8 * 30);
  expect(await count(copy(["class", "confidence"]))).toBe(0);
  release();
  store.close();
});
