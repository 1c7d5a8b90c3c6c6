import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { expect, test } from "vitest";
import { type LoaderOptions, openDataset } from "../../../shards/index.ts";
import { openTestDataset } from "../../support/open-test-dataset.ts";

const finite = { regime: "finite", numSamples: 60, epochs: 2, batchSize: 9, seed: 5, dropLast: false } as const;

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

test("an option that is undefined is left out, also one of the other regime", async () => {
  const dataset = await openTestDataset();
  const infinite = { regime: "infinite", batchSize: 9, numSamples: undefined, epochs: undefined } as object;
  expect(dataset.loader(infinite as LoaderOptions).batchesPerEpoch).toBeGreaterThan(0);
  expect(dataset.loader({ ...finite, live: undefined } as object as LoaderOptions).batchesPerEpoch).toBe(7);
});

test("a live source continues the whole train split only", async () => {
  const dataset = await openTestDataset();
  const live = { sample: () => Promise.reject(new Error("not called")) };
  const options = { regime: "infinite", batchSize: 4, live } as const;
  const cats = await dataset.filter({ classes: [dataset.classNames[0]!] });
  expect(() => cats.loader(options)).toThrow(/^live must be left out for a filtered set, .* filter batches/);
  expect(() => dataset.split("test").loader(options)).toThrow(/^live must be left out for a test split, /);
  expect(() => dataset.loader(options)).not.toThrow();
});

test("a misspelled option is refused, not ignored", async () => {
  const dataset = await openTestDataset();
  const make = (options: object) => () => dataset.loader({ ...finite, ...options } as LoaderOptions);
  expect(make({ shufle: "full" })).toThrow(
    /^shufle is not a key of the loader's options\. Did you mean shuffle\? Use one of: regime, .*dropLast/,
  );
  expect(make({ batch_size: 9 })).toThrow(
    /^batch_size is not a key of the loader's options\. Did you mean batchSize\? Use/,
  );
  expect(make({ colour: 9 })).toThrow(/^colour is not a key of the loader's options\. Use one of: regime/);
  expect(make({ shuffle: { blockrows: 64 } })).toThrow(
    /blockrows is not a key of shuffle\. Did you mean blockRows\? Use one of: blockRows, windowBlocks/,
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
    /^live is not a key of the loader's options in the finite regime\. Leave it out, or use the infinite regime\.$/,
  );
  expect(make({ augment: { flipp: true } })).toThrow(
    /flipp is not a key of augment\. Did you mean flip\? Use one of: flip, crop/,
  );
  expect(make({ augment: "flip" })).toThrow(/augment must be an object with keys of flip, .*got "flip"/);
  expect(make({ augment: { crop: { pad: 4 } } })).toThrow(/pad is not a key of augment.crop/);
  expect(make({ dtype: "float32", normalize: { mean: [0, 0, 0], stdev: [1, 1, 1] } })).toThrow(
    /stdev is not a key of normalize/,
  );
  expect(() => dataset.loader(undefined as never)).toThrow(/the loader's options must be an object/);
  await expect(dataset.filter({ minConfidense: 0.9 } as object)).rejects.toThrow(
    /minConfidense is not a key of the filter/,
  );
  await expect(openDataset(dataset.directory, { splitt: "test" } as object)).rejects.toThrow(/splitt is not a key/);
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
  const sample = () => Promise.reject(new Error("not asked for"));
  expect(loaderOfLive({ sample, classNames: dataset.classNames })).not.toThrow();
  expect(loaderOfLive({ sample, classNames: ["cat", "dog"] })).toThrow(
    /^the live source must have the classes of the data set, airplane, .*, but it has cat, dog\. Name the run/,
  );
  for (const key of Object.keys(infinite)) {
    expect(() => dataset.loader({ regime: "infinite", batchSize: 9, [key]: 1 } as unknown as LoaderOptions)).toThrow(
      `${key} is not a key of the loader's options in the infinite regime. Leave it out, or use the finite regime.`,
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

test("what is not a location, no list of rows and no filter is refused by name", async () => {
  const dataset = await openTestDataset();
  expect((await openDataset(pathToFileURL(dataset.directory))).fingerprint).toBe(dataset.fingerprint);
  await expect(openDataset(undefined as never)).rejects.toThrow(
    "a location must be a string or a URL, got undefined. Pass a folder or a URL.",
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
