import fc from "fast-check";
import { expect, test } from "vitest";
import { imageBytes } from "../../../core/image-layout.ts";
import type { ShardEntry } from "../../../shards/format/manifest.ts";
import { readManifest } from "../../../shards/format/manifest-file.ts";
import { openDataset } from "../../../shards/index.ts";
import type { AnyLoaderOptions } from "../../../shards/loader/loader-options.ts";
import { resolveOptions } from "../../../shards/loader/resolve-options.ts";
import { planStretches, StretchCache } from "../../../shards/loader/stretch-cache.ts";
import { createShuffle } from "../../../shards/order/shuffle.ts";
import { folderSource, openShardFile } from "../../../shards/rows/folder-source.ts";
import { RowStore } from "../../../shards/rows/row-store.ts";
import { hashValues, makeDataset, makeTestFolder, range } from "../../support/make-rows.ts";
import { collectBatches, hashBatch } from "../../support/open-test-dataset.ts";
import { startFaultyServer } from "../remote/faulty-server.ts";
import { quick } from "../remote/remote-batches.ts";

/** Enough for some stretches of 64 images, and too little for all images. */
const someMemory = 2 ** 20;

async function makeSet(rowsPerShard: number): Promise<string> {
  const folder = await makeTestFolder();
  await makeDataset(folder, { train: 700, test: 20, rowsPerShard });
  return folder;
}

test("stretches serve the batches that single reads serve, whatever the shards, blocks, ranks and options", async () => {
  const folders = await Promise.all([7, 50, 64, 333].map(makeSet));
  const blocked = fc.record({ blockRows: fc.integer({ min: 64, max: 150 }), windowBlocks: fc.constantFrom(1, 2) });
  const options = fc.record({
    folder: fc.constantFrom(...folders),
    shuffle: fc.oneof(blocked, fc.constant(false)),
    batchSize: fc.integer({ min: 1, max: 100 }),
    worldSize: fc.constantFrom(1, 1, 3),
    seed: fc.nat(100),
    mixed: fc.boolean(),
  });
  const possible = options.filter(({ batchSize, worldSize }) => batchSize >= worldSize);
  await fc.assert(
    fc.asyncProperty(possible, async ({ folder, mixed, ...common }) => {
      const given = {
        ...{ ...common, regime: "finite", epochs: 2, dropLast: false, rank: common.worldSize - 1 },
        ...(mixed ? { dtype: "float32", augment: { mixup: { alpha: 1 } } } : {}),
      } as const satisfies AnyLoaderOptions;
      const serve = async (memoryBytes: number) => {
        const dataset = await openDataset(folder, { memoryBytes });
        return (await collectBatches(dataset.loader<"uint8" | "float32">(given))).map(hashBatch);
      };
      expect(await serve(someMemory)).toEqual(await serve(0));
    }),
    { numRuns: 20 },
  );
});

test("threads that read stretches make the same batches", async () => {
  const folder = await makeSet(50);
  const options = { regime: "infinite", batchSize: 30, shuffle: { blockRows: 64, windowBlocks: 1 } } as const;
  const serve = async (memoryBytes: number, workers: number) =>
    (await collectBatches((await openDataset(folder, { memoryBytes })).loader({ ...options, workers }), 20)).map(
      hashBatch,
    );
  expect(await serve(someMemory, 2)).toEqual(await serve(0, 0));
});

test("stretches serve a set on a server, through a cache that holds one shard, and resume within a window", async () => {
  const folder = await makeSet(50);
  const { url } = await startFaultyServer(folder);
  const options = { regime: "infinite", batchSize: 30, shuffle: { blockRows: 64, windowBlocks: 2 } } as const;
  const local = await openDataset(folder, { memoryBytes: 0 });
  const expected = (await collectBatches(local.loader(options), 20)).map(hashBatch);
  const cache = { directory: await makeTestFolder(), maxBytes: 200_000 };
  const remote = await openDataset(url, { memoryBytes: someMemory, cache, transfer: quick });
  const loader = remote.loader(options);
  const before = (await collectBatches(loader, 7)).map(hashBatch);
  const state = JSON.parse(JSON.stringify(loader.state()));
  // Two loops at once, of which one goes on where the other was left.
  const [after, again] = await Promise.all([
    collectBatches(remote.loader({ ...options, state }), 13),
    collectBatches(remote.loader(options), 20),
  ]);
  expect([...before, ...after.map(hashBatch)]).toEqual(expected);
  expect(again.map(hashBatch)).toEqual(expected);
});

test("a blocked order reads each stretch once, and an image from one that was replaced is still right", async () => {
  const folder = await makeSet(350);
  const { splits, classNames } = await readManifest(folder);
  let numReads = 0;
  const counting = {
    ...folderSource(folder),
    open: (entry: ShardEntry) => {
      const file = openShardFile(folder, entry);
      const readInto: typeof file.readInto = (position, target) => {
        if (target.byteLength >= imageBytes) numReads++;
        file.readInto(position, target);
      };
      return { ...file, readInto };
    },
  };
  const entries = splits.train.shards;
  const store = new RowStore({ source: counting, entries, numClasses: classNames.length, memoryBytes: 0 });
  const release = store.use();
  const order = createShuffle({ kind: "blocked", blockRows: 128, windowBlocks: 2 }, { size: 700, seed: 3, id: 0 });
  const hashOf = (read: (row: number, index: number, images: Uint8Array) => void, rows: readonly number[]) => {
    const images = new Uint8Array(rows.length * imageBytes);
    for (const [index, row] of rows.entries()) read(row, index, images);
    return hashValues(images);
  };
  const rows = range(0, 700).map(order);
  const single = hashOf((row, index, images) => store.readImage(row, index, images), rows);
  expect(numReads).toBe(700);
  numReads = 0;
  const cache = new StretchCache(store, 6);
  expect(hashOf((row, index, images) => cache.readImage(row, row, index, images), rows)).toEqual(single);
  // 700 rows are 11 stretches; one of them extends over two shards.
  expect(numReads).toBe(12);
  const scattered = rows.toSorted((a, b) => ((a * 37) % 700) - ((b * 37) % 700));
  const small = new StretchCache(store, 1);
  expect(hashOf((row, index, images) => small.readImage(row, row, index, images), scattered)).toEqual(
    hashOf((row, index, images) => store.readImage(row, index, images), scattered),
  );
  release();
});

test("stretches are read only where most of their rows are served soon, and where they fit into memory", () => {
  const pool = { poolSize: 200_000, isWhole: true, memoryBytes: 2 ** 28 };
  const plan = (options: object, changed: object = {}) =>
    planStretches(resolveOptions({ regime: "infinite", batchSize: 256, shuffle: "blocked", ...options }, 200_000), {
      ...pool,
      ...changed,
    });
  expect(plan({})).toBe(8 * 129);
  expect(plan({ regime: "finite", shuffle: false })).toBe(5);
  expect(plan({ rank: 0, worldSize: 4 })).toBe(8 * 129);
  expect(plan({ rank: 0, worldSize: 5 })).toBeUndefined();
  expect(plan({ workers: 2 })).toBeUndefined();
  expect(plan({ workers: 2 }, { memoryBytes: 2 ** 29 })).toBe(8 * 129);
  expect(plan({ shuffle: "full" })).toBeUndefined();
  expect(plan({}, { isWhole: false })).toBeUndefined();
  expect(plan({}, { memoryBytes: 2 ** 27 })).toBeUndefined();
  expect(plan({ shuffle: { blockRows: 32 } })).toBeUndefined();
  expect(plan({}, { poolSize: 9000 })).toBe(2 * 129);
});
