import { once } from "node:events";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { expect, test } from "vitest";
import { type LiveSource, type LoaderOptions, type LoaderState, openDataset } from "../../../shards/index.ts";
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

test("options that do not go together, or are out of range, are refused by name", async () => {
  const dataset = await openTestDataset();
  const make = (options: object) => () => dataset.loader({ ...finite, ...options } as LoaderOptions);
  expect(make({ normalize: true })).toThrow(/normalize must be false where dtype is uint8/);
  expect(make({ dtype: "float64" })).toThrow(/dtype must be one of uint8, float32, got "float64"/);
  expect(make({ layout: "HWC" })).toThrow(/layout must be one of NHWC, NCHW/);
  expect(make({ augment: { crop: { padding: 32 } } })).toThrow(/augment.crop.padding must be an integer in \[0, 31\]/);
  expect(make({ augment: { crop: { mode: "wrap" } } })).toThrow(/augment.crop.mode must be one of zero, reflect/);
  expect(make({ augment: { cutout: { size: 0 } } })).toThrow(/augment.cutout.size/);
  expect(make({ augment: { mixup: { alpha: 0.2 } } })).toThrow(/dtype must be float32 for augment.mixup/);
  expect(make({ dtype: "float32", augment: { mixup: { alpha: 0 } } })).toThrow(/augment.mixup.alpha/);
  expect(make({ labelNoise: { rate: 1.2 } })).toThrow(/labelNoise.rate must be a number in \[0, 1\], got 1.2/);
  expect(make({ columns: ["image"] })).toThrow(/columns must be one of class, confidence, probabilities, got "image"/);
  expect(make({ workers: -1 })).toThrow(/workers/);
  expect(make({ shuffle: { blockRows: 0 } })).toThrow(/shuffle.blockRows/);
  expect(() => dataset.loader({ regime: "infinite", batchSize: 1, shuffle: false as never })).toThrow(
    /shuffle must be full or blocked/,
  );
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

test("a misspelled option is refused, not ignored", async () => {
  const dataset = await openTestDataset();
  const make = (options: object) => () => dataset.loader({ ...finite, ...options } as LoaderOptions);
  expect(make({ shufle: "full" })).toThrow(
    /^shufle is no key of the loader's options\. Did you mean shuffle\? Use one of: regime, .*dropLast/,
  );
  expect(make({ batch_size: 9 })).toThrow(
    /^batch_size is no key of the loader's options\. Did you mean batchSize\? Use/,
  );
  expect(make({ colour: 9 })).toThrow(/^colour is no key of the loader's options\. Use one of: regime/);
  expect(make({ shuffle: { blockrows: 64 } })).toThrow(
    /blockrows is no key of shuffle\. Did you mean blockRows\? Use one of: blockRows, windowBlocks/,
  );
  expect(make({ shuffle: [] })).toThrow(/shuffle must be an object/);
  expect(make({ dropLast: "no" })).toThrow(/dropLast must be true or false, got "no"/);
  expect(make({ augment: { flip: "no" } })).toThrow(/augment\.flip must be true or false, got "no"/);
  expect(make({ dtype: "float32", augment: { mixup: { alpha: "0.2" } } })).toThrow(
    /augment\.mixup\.alpha must be a number in \[0\.001, 1000\], got "0\.2"/,
  );
  await expect(dataset.filter({ minConfidence: "0.5" } as object)).rejects.toThrow(
    /minConfidence must lie in \[0, 1\]/,
  );
  expect(make({ live: {} })).toThrow(
    /^live is no key of the loader's options in the finite regime\. Leave it out, or use the infinite regime\.$/,
  );
  expect(make({ augment: { flipp: true } })).toThrow(
    /flipp is no key of augment\. Did you mean flip\? Use one of: flip, crop/,
  );
  expect(make({ augment: "flip" })).toThrow(/augment must be an object with keys of flip, .*got "flip"/);
  expect(make({ augment: { crop: { pad: 4 } } })).toThrow(/pad is no key of augment.crop/);
  expect(make({ dtype: "float32", normalize: { mean: [0, 0, 0], stdev: [1, 1, 1] } })).toThrow(
    /stdev is no key of normalize/,
  );
  expect(() => dataset.loader(undefined as never)).toThrow(/the loader's options must be an object/);
  await expect(dataset.filter({ minConfidense: 0.9 } as object)).rejects.toThrow(
    /minConfidense is no key of the filter/,
  );
  await expect(openDataset(dataset.directory, { splitt: "test" } as object)).rejects.toThrow(/splitt is no key/);
});

test("an option of the wrong type is refused by name when the loader is made, not by a TypeError later", async () => {
  const dataset = await openTestDataset();
  const refusal = (options: object) => {
    try {
      dataset.loader({ ...finite, ...options } as LoaderOptions);
    } catch (error) {
      return `${(error as { code: string }).code}: ${(error as Error).message}`;
    }
    return undefined;
  };
  const infinite = { numSamples: 0, epochs: 0, dropLast: 0 };
  const loaderOfLive = (live: unknown) => () =>
    dataset.loader({ regime: "infinite", batchSize: 9, live } as LoaderOptions);
  for (const [live, seen] of [
    [{}, "{}"],
    [null, "null"],
    [true, "true"],
    [Promise.resolve({}), "a Promise"],
  ]) {
    expect(loaderOfLive(live)).toThrow(
      `live must be an object with a function sample, got ${String(seen)}. ` +
        "Pass what `await openLiveSource(RUN)` of cifar5m/live gives.",
    );
  }
  expect(loaderOfLive(undefined)).not.toThrow();
  for (const key of Object.keys(infinite)) {
    expect(() => dataset.loader({ regime: "infinite", batchSize: 9, [key]: 1 } as unknown as LoaderOptions)).toThrow(
      `${key} is no key of the loader's options in the infinite regime. Leave it out, or use the finite regime.`,
    );
  }
  const list = 'columns must be a list, got %. Pass ["class"], for example.';
  const rules: [object, string][] = [
    [{ columns: "class" }, list.replace("%", '"class"')],
    [{ columns: null }, list.replace("%", "null")],
    [{ signal: {} }, "signal must be an AbortSignal, got {}. Pass the signal of an AbortController."],
    [{ reuseArrays: "no" }, 'reuseArrays must be true or false, got "no". Choose one of them.'],
    [{ batchSize: "9" }, 'batchSize must be an integer in [1, 2147483648], got "9". Choose one in that range.'],
    [{ seed: 1n }, "seed must be an integer in [0, 9007199254740991], got 1n. Choose one in that range."],
    [
      { shuffle: null },
      "shuffle must be true, false, full, blocked, or an object with keys of blockRows, windowBlocks, got null. Choose one of them.",
    ],
    [
      { dtype: "float32", normalize: { mean: 1, std: 1 } },
      "normalize.mean must be three numbers, got 1. Pass one for each channel.",
    ],
  ];
  for (const [options, message] of rules) expect(refusal(options)).toBe(`loader/out-of-range: ${message}`);
  const keys = "options/unknown-key: % must be an object with keys of";
  expect(refusal({ augment: null })).toContain(keys.replace("%", "augment"));
  expect(refusal({ dtype: "float32", normalize: null })).toContain(keys.replace("%", "normalize"));
});

test("what is no location, no list of rows and no filter is refused by name", async () => {
  const dataset = await openTestDataset();
  expect((await openDataset(pathToFileURL(dataset.directory))).fingerprint).toBe(dataset.fingerprint);
  await expect(openDataset(undefined as never)).rejects.toThrow(
    "a location must be a text or a URL, got undefined. Pass a folder or a URL.",
  );
  await expect(openDataset(join(dataset.directory, "manifest.json"))).rejects.toMatchObject({
    code: "disk/not-a-folder",
    message: expect.stringMatching(/is one\. Point at the folder that holds manifest\.json\.$/),
  });
  await expect(dataset.readImages(5 as never)).rejects.toThrow(
    /^readImages must get a list of row indices, got 5\. Pass/,
  );
  const [cats, alone] = [await dataset.filter({ classes: ["cat"] }), await dataset.filter({ classes: "cat" })];
  expect(alone.fingerprint).toBe(cats.fingerprint);
  await expect(dataset.filter({ classes: null } as never)).rejects.toThrow(/^classes must be among .*, got null\./);
  await expect(dataset.filter({ flags: true } as never)).rejects.toThrow(
    "flags must be an object of names and booleans, got true. Pass { leak: false }, for example.",
  );
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
