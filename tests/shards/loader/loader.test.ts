import { readdirSync, readlinkSync } from "node:fs";
import { rm, truncate } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { type Dataset, type LoaderOptions, type LoaderState, openDataset } from "../../../shards/index.ts";
import { hashValues, makeRows } from "../../support/make-rows.ts";
import { collectBatches, hashBatch, idsOf, openTestDataset } from "../../support/open-test-dataset.ts";

const collect = (dataset: Dataset, options: LoaderOptions, limit?: number) =>
  collectBatches(dataset.loader(options), limit);

test.each([
  ["resident", 2 ** 28],
  ["read from disk", 0],
  ["kept after the first epoch", 40 * 3072],
])("every batch holds the images and labels of its ids (images %s)", async (_name, memoryBytes) => {
  const dataset = await openTestDataset({ memoryBytes });
  const options = { regime: "finite", numSamples: 40, epochs: 2, batchSize: 12, seed: 5, dropLast: false } as const;
  const batches = await collect(dataset, options);
  expect(batches.map((batch) => batch.ids.length)).toEqual([12, 12, 12, 4, 12, 12, 12, 4]);
  expect(batches.map((batch) => `${batch.epoch}/${batch.step}`).join(" ")).toBe("0/0 0/1 0/2 0/3 1/4 1/5 1/6 1/7");
  for (const batch of batches) {
    const rows = makeRows([...batch.ids]);
    expect(hashValues(batch.images)).toBe(hashValues(rows.image));
    expect([...batch.labels]).toEqual([...rows.label]);
  }
});

test("every epoch of the finite regime is another permutation of the same subset", async () => {
  const dataset = await openTestDataset();
  const batches = await collect(dataset, { regime: "finite", numSamples: 60, epochs: 3, batchSize: 20, seed: 1 });
  const epochs = [0, 1, 2].map((epoch) => idsOf(batches.filter((batch) => batch.epoch === epoch)));
  const sets = epochs.map((ids) => [...ids].sort((a, b) => a - b).join());
  expect(new Set(epochs[0]).size).toBe(60);
  expect(new Set(sets).size).toBe(1);
  expect(new Set(epochs.map((ids) => ids.join())).size).toBe(3);
});

test("subsets of one seed are nested, and the infinite regime serves them first", async () => {
  const dataset = await openTestDataset();
  const subset = async (numSamples: number) =>
    new Set(idsOf(await collect(dataset, { regime: "finite", numSamples, batchSize: 5, seed: 11 })));
  const [small, large] = [await subset(25), await subset(70)];
  expect(small.size).toBe(25);
  expect([...small].every((id) => large.has(id))).toBe(true);
  const fresh = idsOf(await collect(dataset, { regime: "infinite", batchSize: 25, seed: 11 }, 1));
  expect(new Set(fresh)).toEqual(small);
});

test("another seed gives another subset and another order", async () => {
  const dataset = await openTestDataset();
  const order = async (seed: number) =>
    idsOf(await collect(dataset, { regime: "finite", numSamples: 50, batchSize: 50, seed }));
  const [first, again, other] = [await order(1), await order(1), await order(2)];
  expect(again).toEqual(first);
  expect(new Set(other)).not.toEqual(new Set(first));
});

test("unshuffled, the whole split is served in file order", async () => {
  const dataset = (await openTestDataset()).split("test");
  const options = { regime: "finite", batchSize: 8, shuffle: false, dropLast: false } as const;
  const ids = idsOf(await collect(dataset, options));
  expect(ids).toHaveLength(20);
  expect(ids).toEqual([...ids].sort((a, b) => a - b));
});

test("the infinite regime serves no id twice, and ends with a clear error when it is exhausted", async () => {
  const dataset = await openTestDataset();
  const loader = dataset.loader({ regime: "infinite", batchSize: 16, seed: 2 });
  const ids: number[] = [];
  const run = async () => {
    for await (const batch of loader) ids.push(...batch.ids);
  };
  await expect(run()).rejects.toMatchObject({
    code: "regime/exhausted",
    message: expect.stringMatching(/^the infinite regime was asked for images 97 to 112 of 100\./),
  });
  expect(loader.numBatches).toBe(6);
  expect(ids).toHaveLength(96);
  expect(new Set(ids).size).toBe(96);
});

test.each<LoaderOptions>([
  { regime: "finite", numSamples: 47, epochs: 3, batchSize: 10, seed: 3 },
  { regime: "finite", numSamples: 47, epochs: 3, batchSize: 10, seed: 3, dropLast: false },
  { regime: "infinite", batchSize: 9, seed: 3 },
])("resuming at every step gives the very same batches (%o)", async (options) => {
  const dataset = await openTestDataset();
  const numBatches = dataset.loader(options).numBatches;
  const whole = (await collect(dataset, options, numBatches)).map(hashBatch);
  expect(whole).toHaveLength(numBatches);
  for (let step = 0; step <= numBatches; step++) {
    const loader = dataset.loader(options);
    const hashes: string[] = [];
    if (step > 0) for await (const batch of loader) if (hashes.push(hashBatch(batch)) === step) break;
    const state = JSON.parse(JSON.stringify(loader.state())) as LoaderState;
    const rest = await collect(dataset, { ...options, state }, numBatches - step);
    expect([...hashes, ...rest.map(hashBatch)]).toEqual(whole);
  }
});

test("with reused arrays the batches are the same, and share the same memory one after the other", async () => {
  const dataset = await openTestDataset();
  const options = { regime: "finite", numSamples: 47, epochs: 2, batchSize: 10, seed: 3, dropLast: false } as const;
  const fresh = (await collect(dataset, options)).map(hashBatch);
  const [hashes, memory]: [string[], Set<ArrayBufferLike>] = [[], new Set()];
  for await (const batch of dataset.loader({ ...options, reuseArrays: true })) {
    hashes.push(hashBatch(batch));
    memory.add(batch.images.buffer);
  }
  expect(hashes).toEqual(fresh);
  expect(memory.size).toBe(1);
});

test("a loader resumed with batches larger than the rest of an epoch continues with the next epoch", async () => {
  const dataset = await openTestDataset();
  const options = { regime: "finite", numSamples: 50, epochs: 3, batchSize: 10, seed: 4 } as const;
  const loader = dataset.loader(options);
  await collectBatches(loader, 4);
  const rest = await collect(dataset, { ...options, batchSize: 20, state: loader.state() });
  expect(rest.map(({ epoch }) => epoch)).toEqual([1, 1, 2, 2]);
  const whole = await collect(dataset, { ...options, batchSize: 20 });
  expect(rest.map(hashBatch)).toEqual(whole.slice(2).map(hashBatch));
});

test("a loop that ended early and is started again continues at the same position", async () => {
  const dataset = await openTestDataset();
  const options = { regime: "finite", numSamples: 50, epochs: 2, batchSize: 10, seed: 4 } as const;
  const whole = (await collect(dataset, options)).map(hashBatch);
  const loader = dataset.loader(options);
  const seen: string[] = [];
  for await (const batch of loader) if (seen.push(hashBatch(batch)) === 3) break;
  for await (const batch of loader) seen.push(hashBatch(batch));
  expect(seen).toEqual(whole);
});

test("a state that a timer saves during a loop continues after the last batch served", async () => {
  const dataset = await openTestDataset();
  const loader = dataset.loader({ regime: "finite", epochs: 40, batchSize: 10 });
  let numServed = 0;
  const saved: [number, number][] = [];
  const timer = setInterval(() => {
    const { epoch, position } = loader.state();
    saved.push([epoch * 10 + position / 10, numServed]);
  });
  for await (const _ of loader) numServed++;
  clearInterval(timer);
  expect(saved.length).toBeGreaterThan(0);
  for (const [next, served] of saved) expect(next).toBe(served);
});

test("a loop over a finished loader says how to begin again; the first one of a loader resumed at the end is empty", async () => {
  const dataset = await openTestDataset();
  const options = { regime: "finite", numSamples: 50, epochs: 2, batchSize: 10, seed: 4 } as const;
  for (const limit of [Number.POSITIVE_INFINITY, 10]) {
    const loader = dataset.loader(options);
    expect(await collectBatches(loader, limit)).toHaveLength(10);
    for (let again = 0; again < 2; again++) {
      await expect(collectBatches(loader)).rejects.toMatchObject({
        code: "loader/finished",
        message: expect.stringMatching(/2 epochs of 50 samples.*dataset\.loader\(options\).*more epochs/),
      });
    }
    const resumed = dataset.loader({ ...options, state: loader.state() });
    expect(await collectBatches(resumed)).toEqual([]);
    await expect(collectBatches(resumed)).rejects.toMatchObject({ code: "loader/finished" });
  }
  const spent = dataset.loader({ regime: "infinite", batchSize: 50, seed: 4 });
  expect(await collectBatches(spent, 2)).toHaveLength(2);
  for (let again = 0; again < 2; again++) {
    await expect(collectBatches(spent)).rejects.toMatchObject({ code: "regime/exhausted" });
  }
});

test("the parts of all ranks make up the global batch, at any world size, also after resuming at another", async () => {
  const dataset = await openTestDataset();
  const arbitrary = fc.record({
    worldSize: fc.integer({ min: 1, max: 8 }),
    batchSize: fc.integer({ min: 1, max: 20 }),
    numSamples: fc.integer({ min: 20, max: 100 }),
    regime: fc.constantFrom("finite" as const, "infinite" as const),
    resumeAt: fc.nat(3),
  });
  const possible = arbitrary.filter(({ batchSize, worldSize }) => batchSize >= worldSize);
  await fc.assert(
    fc.asyncProperty(possible, async ({ worldSize, batchSize, numSamples, regime, resumeAt }) => {
      const seed = 6;
      const options: LoaderOptions =
        regime === "finite"
          ? { regime, numSamples, epochs: 2, batchSize, seed, dropLast: false }
          : { regime, batchSize, seed };
      const numBatches = Math.min(8, dataset.loader(options).numBatches);
      const global = await collect(dataset, options, numBatches);
      const numBefore = Math.min(resumeAt, numBatches);
      const before = dataset.loader(options);
      let count = 0;
      if (numBefore > 0) for await (const _ of before) if (++count === numBefore) break;
      const state = before.state();
      const left = numBatches - numBefore;
      const parts = await Promise.all(
        Array.from({ length: worldSize }, (_, rank) => collect(dataset, { ...options, rank, worldSize, state }, left)),
      );
      for (let index = 0; index < left; index++) {
        const whole = [...(global[numBefore + index]?.ids ?? [])];
        const merged = whole.map(
          (_, position) => parts[position % worldSize]?.[index]?.ids[Math.floor(position / worldSize)],
        );
        expect(merged).toEqual(whole);
        const numServed = parts.reduce((sum, part) => sum + (part[index]?.ids.length ?? 0), 0);
        expect(numServed).toBe(whole.length);
      }
    }),
    { numRuns: 60 },
  );
});

test("a state of other data, options or format is refused by the key that differs", async () => {
  const [dataset, other] = [await openTestDataset(), await openTestDataset({ train: 90 })];
  const options = { regime: "finite", numSamples: 50, batchSize: 10, seed: 4 } as const;
  const state = dataset.loader(options).state();
  expect(() => other.loader({ ...options, state })).toThrow(/dataset of the loader state is train-/);
  expect(() => dataset.split("test").loader({ ...options, numSamples: 20, state })).toThrow(/dataset of/);
  expect(() => dataset.loader({ ...options, seed: 5, state })).toThrow(
    /seed of the loader state is 4, this loader has 5/,
  );
  expect(() => dataset.loader({ ...options, numSamples: 40, state })).toThrow(/numSamples/);
  expect(() => dataset.loader({ regime: "infinite", batchSize: 10, seed: 4, state })).toThrow(/regime/);
  expect(() => dataset.loader({ ...options, state: { ...state, version: 1 as 2 } })).toThrow(/version 2, got 1/);
  expect(() => dataset.loader({ ...options, state: { ...state, position: -1 } })).toThrow(/position/);
  expect(() => dataset.loader({ ...options, state: { ...state, position: 50 } })).toThrow(/position/);
});

test("options out of range are refused by name", async () => {
  const dataset = await openTestDataset();
  const make = (options: object) => () =>
    dataset.loader({ regime: "finite", batchSize: 10, ...options } as LoaderOptions);
  expect(make({ numSamples: 101 })).toThrow(/numSamples must be an integer in \[1, 100\], got 101/);
  expect(make({ batchSize: 0 })).toThrow(/batchSize must be .*got 0/);
  expect(make({ batchSize: 101 })).toThrow(/batchSize must be at most numSamples \(100\)/);
  expect(make({ epochs: 0 })).toThrow(/epochs/);
  expect(make({ worldSize: 2 })).toThrow(/rank and worldSize must be given together, got worldSize alone\. Pass both/);
  expect(make({ rank: 0 })).toThrow(/rank and worldSize must be given together, got rank alone/);
  expect(make({ worldSize: 1 })).not.toThrow();
  expect(make({ rank: 10, worldSize: 11 })).toThrow(
    /batchSize must be at least worldSize \(11\), got 10\. It is the global batch/,
  );
  expect(make({ rank: 2, worldSize: 2 })).toThrow(/rank must be an integer in \[0, 1\], got 2/);
  expect(make({ regime: "endless" })).toThrow(/regime must be finite or infinite, got endless/);
  expect(make({ seed: 1.5 })).toThrow(/seed/);
  await expect(dataset.readImages([100])).rejects.toMatchObject({ code: "dataset/no-such-row" });
  expect(() => dataset.split("validation" as "test")).toThrow(/split must be one of train, test, got validation/);
});

test("rows are read in the requested order", async () => {
  const dataset = await openTestDataset({ memoryBytes: 0 });
  const { ids, images, labels } = await dataset.readImages([99, 0, 30, 29, 0]);
  const rows = makeRows([...ids]);
  expect(ids[1]).toBe(ids[4]);
  expect(ids[2]).toBeGreaterThan(ids[3]!);
  expect(hashValues(images)).toBe(hashValues(rows.image));
  expect([...labels]).toEqual([...rows.label]);
});

const openFilesUnder = (folder: string) =>
  readdirSync("/proc/self/fd").filter((name) => {
    try {
      return readlinkSync(`/proc/self/fd/${name}`).startsWith(folder);
    } catch {
      return false;
    }
  });

test.skipIf(process.platform !== "linux")("leaving a loop early leaves no file open", async () => {
  const dataset = await openTestDataset({ memoryBytes: 0 });
  for await (const batch of dataset.loader({ regime: "infinite", batchSize: 40 })) {
    expect(batch.ids).toHaveLength(40);
    expect(openFilesUnder(dataset.directory).length).toBeGreaterThan(0);
    break;
  }
  expect(openFilesUnder(dataset.directory)).toEqual([]);
});

test("a closed dataset refuses to serve", async () => {
  const dataset = await openTestDataset();
  const loader = dataset.loader({ regime: "infinite", batchSize: 10 });
  dataset.close();
  await expect(loader[Symbol.asyncIterator]().next()).rejects.toMatchObject({ code: "dataset/closed" });
});

test("a missing manifest, missing shard or truncated shard is refused by name", async () => {
  const dataset = await openTestDataset();
  const path = join(dataset.directory, "train/part-00001.arrow");
  const drain = () => collect(dataset, { regime: "finite", batchSize: 100 });
  await truncate(path, 5000);
  await expect(drain()).rejects.toMatchObject({ code: "shard/size-mismatch", message: expect.stringContaining(path) });
  await rm(path);
  await expect(drain()).rejects.toMatchObject({ code: "shard/missing", message: expect.stringContaining(path) });
  await expect(openDataset(join(dataset.directory, "train"))).rejects.toMatchObject({ code: "manifest/missing" });
});
