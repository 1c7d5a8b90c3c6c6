import { once } from "node:events";
import { expect, test } from "vitest";
import type { LiveSource, LoaderOptions, LoaderState } from "../../../shards/index.ts";
import { makeRows } from "../../support/make-rows.ts";
import { collectBatches, hashBatch, idsOf, openTestDataset } from "../../support/open-test-dataset.ts";

const finite = { regime: "finite", numSamples: 60, epochs: 2, batchSize: 9, seed: 5, dropLast: false } as const;

test("the requested columns belong to the served rows", async () => {
  for (const memoryBytes of [0, 2 ** 28]) {
    const dataset = await openTestDataset({ memoryBytes });
    const columns = ["class", "confidence", "probabilities"] as const;
    for (const batch of await collectBatches(dataset.loader({ ...finite, columns }))) {
      const rows = makeRows([...batch.ids]);
      expect([...batch.classes!]).toEqual([...rows.class]);
      expect(batch.confidences).toEqual(rows.confidence);
      expect(batch.probabilities).toEqual(rows.probabilities);
    }
    const [plain] = await collectBatches(dataset.loader(finite), 1);
    expect(Object.keys(plain!).sort()).toEqual(["epoch", "ids", "images", "labels", "step"]);
  }
});

test("a filter keeps the rows of its classes and confidence, and is part of the data's identity", async () => {
  const dataset = await openTestDataset({ train: 300, memoryBytes: 0 });
  const all = await collectBatches(dataset.loader({ regime: "finite", batchSize: 300, columns: ["confidence"] }));
  const wanted = [...all[0]!.ids].filter((_, row) => {
    return [2, 7].includes(all[0]!.labels[row]!) && all[0]!.confidences![row]! >= 0.18;
  });
  const part = await dataset.filter({ classes: ["bird", 7], minConfidence: 0.18 });
  expect(part.numSamples).toBe(wanted.length);
  expect(wanted.length).toBeGreaterThan(5);
  const served = idsOf(await collectBatches(part.loader({ regime: "finite", batchSize: 4, dropLast: false })));
  expect(served.sort((a, b) => a - b)).toEqual(wanted.sort((a, b) => a - b));
  const twice = await (await dataset.filter({ classes: [7, 2] })).filter({ minConfidence: 0.18 });
  expect(twice.numSamples).toBe(wanted.length);
  expect((await part.readImages([0])).ids).toHaveLength(1);

  const { state } = { state: part.loader({ regime: "infinite", batchSize: 2 }).state() };
  expect(() => dataset.loader({ regime: "infinite", batchSize: 2, state })).toThrow(/dataset of the loader state/);
  const again = await dataset.filter({ classes: [7, "bird", "bird"], minConfidence: 0.18 });
  expect(() => again.loader({ regime: "infinite", batchSize: 2, state })).not.toThrow();
  await expect(dataset.filter({ classes: ["fish"] })).rejects.toThrow(/classes must be among airplane.*got "fish"/);
  await expect(dataset.filter({ minConfidence: 2 })).rejects.toThrow(/minConfidence must lie in \[0, 1\], got 2/);
  const none = await dataset.filter({ minConfidence: 1 });
  expect(() => none.loader({ regime: "infinite", batchSize: 1 })).toThrow(/loader\/empty-split|at least one image/);
});

test("label noise changes about the given fraction of labels to other classes, the same ones everywhere", async () => {
  const dataset = await openTestDataset({ train: 2000, rowsPerShard: 500 });
  const options = { regime: "finite", batchSize: 100, epochs: 2, seed: 1 } as const;
  const labels = async (noise: LoaderOptions) => {
    const found = new Map<number, number>();
    for (const batch of await collectBatches(dataset.loader(noise))) {
      for (const [row, id] of batch.ids.entries()) {
        expect(found.get(id) ?? batch.labels[row]).toBe(batch.labels[row]);
        found.set(id, batch.labels[row]!);
      }
    }
    return found;
  };
  const clean = await labels(options);
  const noisy = await labels({ ...options, labelNoise: { rate: 0.2 } });
  const changed = [...clean].filter(([id, label]) => noisy.get(id) !== label);
  expect(changed.length / clean.size).toBeGreaterThan(0.16);
  expect(changed.length / clean.size).toBeLessThan(0.24);
  const steps = new Set(changed.map(([id, label]) => (noisy.get(id)! - label + 10) % 10));
  expect([...steps].sort()).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
  const other = dataset.loader({
    regime: "infinite",
    batchSize: 50,
    seed: 9,
    labelNoise: { rate: 0.2, seed: options.seed },
  });
  const [batch] = await collectBatches(other, 1);
  for (const [row, id] of batch!.ids.entries()) expect(batch!.labels[row]).toBe(noisy.get(id));
  const every = await labels({ ...options, labelNoise: { rate: 1 } });
  expect([...clean].every(([id, label]) => every.get(id) !== label)).toBe(true);
});

test.each<[string, LoaderOptions]>([
  ["finite", finite],
  ["blocked", { ...finite, shuffle: { blockRows: 7, windowBlocks: 3 } }],
  ["augmented", { ...finite, augment: { flip: true, crop: true }, labelNoise: { rate: 0.5 }, columns: ["class"] }],
])("threads make the very batches that one makes, in order (%s)", async (_, options) => {
  const dataset = await openTestDataset({ memoryBytes: 0 });
  const expected = (await collectBatches(dataset.loader(options))).map(hashBatch);
  const loader = dataset.loader({ ...options, workers: 2 });
  const first = (await collectBatches(loader, 4)).map(hashBatch);
  const state = JSON.parse(JSON.stringify(loader.state())) as LoaderState;
  const rest = await collectBatches(dataset.loader({ ...options, workers: 1, state }));
  expect([...first, ...rest.map(hashBatch)]).toEqual(expected);
  const reused: string[] = [];
  for await (const batch of dataset.loader({ ...options, workers: 2, reuseArrays: true })) {
    reused.push(hashBatch(batch));
  }
  expect(reused).toEqual(expected);
});

test("several threads serve a filtered set, and end the infinite regime like a single thread", async () => {
  const dataset = await (await openTestDataset({ memoryBytes: 0 })).filter({ classes: [0, 1, 2, 3, 4, 5] });
  const served: number[] = [];
  const run = async () => {
    for await (const { ids } of dataset.loader({ regime: "infinite", batchSize: 10, workers: 2 })) served.push(...ids);
  };
  await expect(run()).rejects.toMatchObject({ code: "regime/exhausted" });
  expect(new Set(served).size).toBe(Math.floor(dataset.numSamples / 10) * 10);
});

test("an error in a thread ends the loop with its code", async () => {
  const dataset = await openTestDataset({ memoryBytes: 0 });
  const { truncateSync } = await import("node:fs");
  truncateSync(`${dataset.directory}/train/part-00001.arrow`, 100);
  const run = () => collectBatches(dataset.loader({ ...finite, workers: 2 }));
  await expect(run()).rejects.toMatchObject({ code: "shard/size-mismatch" });
});

test.each([0, 2])("a signal ends the loop with its reason (%i threads)", async (workers) => {
  const dataset = await openTestDataset({ memoryBytes: 0 });
  const controller = new AbortController();
  let numBatches = 0;
  const run = async () => {
    for await (const _ of dataset.loader({ ...finite, epochs: Infinity, workers, signal: controller.signal })) {
      if (++numBatches === 5) controller.abort(new Error("enough"));
    }
  };
  await expect(run()).rejects.toThrow("enough");
  expect(numBatches).toBe(5);
  const late = collectBatches(dataset.loader({ ...finite, workers, signal: controller.signal }));
  await expect(late).rejects.toThrow("enough");
});

/** Makes the rows of the tests, which follow from the id. */
const liveSource: LiveSource & { readonly asked: number[] } = {
  asked: [],
  async sample(ids) {
    this.asked.push(...ids);
    const { image, probabilities, class: classes } = makeRows([...ids]);
    return { images: image, probabilities, classes };
  },
};

test.each([0, 2])("with a live source the infinite regime continues with new ids (%i threads)", async (workers) => {
  const dataset = await openTestDataset({ memoryBytes: 0 });
  liveSource.asked.length = 0;
  const options = {
    regime: "infinite",
    batchSize: 15,
    seed: 3,
    live: liveSource,
    columns: ["confidence", "class"],
    workers,
  } as const;
  const loader = dataset.loader(options);
  expect(loader.numBatches).toBe(Infinity);
  const batches = await collectBatches(loader, 10);
  const ids = idsOf(batches);
  expect(new Set(ids).size).toBe(150);
  const idEnd = Math.max(...dataset.manifest.splits.test.shards.map((shard) => shard.idEnd));
  expect(ids.slice(100)).toEqual(Array.from({ length: 50 }, (_, index) => idEnd + index));
  expect(liveSource.asked).toEqual(ids.slice(100));
  for (const batch of batches) {
    const rows = makeRows([...batch.ids]);
    expect([...batch.labels]).toEqual([...rows.label]);
    expect(Buffer.from(batch.images).equals(Buffer.from(rows.image))).toBe(true);
    expect(batch.confidences).toEqual(rows.confidence);
    expect([...batch.classes!]).toEqual([...rows.class]);
  }
  if (workers > 0) return;
  const whole = batches.map(hashBatch);
  for (const numBefore of [3, 6, 7, 9]) {
    const before = dataset.loader(options);
    await collectBatches(before, numBefore);
    const rest = await collectBatches(dataset.loader({ ...options, state: before.state() }), 10 - numBefore);
    expect(rest.map(hashBatch)).toEqual(whole.slice(numBefore));
  }
  const parts = await Promise.all(
    [0, 1].map((rank) => collectBatches(dataset.loader({ ...options, rank, worldSize: 2 }), 10)),
  );
  expect(parts.flatMap((part) => idsOf(part)).sort((a, b) => a - b)).toEqual([...ids].sort((a, b) => a - b));
});

test("a live source that makes too few images is named", async () => {
  const dataset = await openTestDataset();
  const live = {
    sample: async () => ({
      images: new Uint8Array(3072),
      probabilities: new Float32Array(10),
      classes: new Uint8Array(1),
    }),
  };
  const run = () => collectBatches(dataset.loader({ regime: "infinite", batchSize: 30, live }), 5);
  await expect(run()).rejects.toMatchObject({ code: "live/wrong-size" });
});

test("leaving a loop of threads early leaves no thread behind", async () => {
  const dataset = await openTestDataset({ memoryBytes: 0 });
  const numThreads = () => process.getActiveResourcesInfo().filter((name) => name === "MessagePort").length;
  const before = numThreads();
  for await (const batch of dataset.loader({ ...finite, workers: 2 })) {
    expect(batch.ids).toHaveLength(9);
    break;
  }
  expect(numThreads()).toBe(before);
});

test("the name that version 0.1 had for the standard deviation still works, with a warning", async () => {
  const dataset = await openTestDataset();
  const warned = once(process, "warning");
  const [mean, std] = [[0.4, 0.5, 0.6] as const, [0.2, 0.3, 0.4] as const];
  const old = { mean, deviation: std } as unknown as { readonly mean: typeof mean; readonly std: typeof std };
  const firstBatches = [old, { mean, std }].map((normalize) =>
    collectBatches(dataset.loader({ ...finite, dtype: "float32", normalize }), 1),
  );
  const [before, now] = (await Promise.all(firstBatches)).map(([first]) => first);
  expect(before!.images).toEqual(now!.images);
  expect(await warned).toMatchObject([{ code: "CIFAR5M001", message: expect.stringContaining("normalize.std") }]);
});
