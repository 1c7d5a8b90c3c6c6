import fc from "fast-check";
import { expect, test } from "vitest";
import { cifar10Normalization, type Dataset, type LoaderOptions } from "../../../shards/index.ts";
import { SampleRandoms } from "../../../shards/loader/sample-randoms.ts";
import { makeRows } from "../../support/make-rows.ts";
import { collectBatches, hashBatch, openTestDataset } from "../../support/open-test-dataset.ts";

type Floats = LoaderOptions<"float32">;
const base = { regime: "finite", numSamples: 40, epochs: 2, batchSize: 10, seed: 9 } as const;

/** Every image by epoch and id, as numbers. */
async function serve(dataset: Dataset, options: LoaderOptions | Floats): Promise<Map<string, number[]>> {
  const images = new Map<string, number[]>();
  for await (const { ids, images: served, epoch } of dataset.loader(options as Floats)) {
    for (const [row, id] of ids.entries()) {
      images.set(`${epoch}/${id}`, [...served.subarray(row * 3072, (row + 1) * 3072)]);
    }
  }
  return images;
}

const pixel = (image: ArrayLike<number>, y: number, x: number, channel: number) => image[(y * 32 + x) * 3 + channel]!;

test("float32 is bytes / 255, normalized by channel, in either layout", async () => {
  const dataset = await openTestDataset();
  for (const layout of ["NHWC", "NCHW"] as const) {
    for (const normalize of [false, true, { mean: [0.1, 0.2, 0.3], std: [1, 2, 4] }] as const) {
      const served = await serve(dataset, { ...base, dtype: "float32", layout, normalize });
      const { mean, std } =
        normalize === true ? cifar10Normalization : normalize || { mean: [0, 0, 0], std: [1, 1, 1] };
      for (const [key, image] of [...served].slice(0, 5)) {
        const stored = makeRows([Number(key.split("/")[1])]).image;
        for (const [y, x, c] of [
          [0, 0, 0],
          [3, 31, 1],
          [31, 7, 2],
        ] as const) {
          const found = layout === "NHWC" ? pixel(image, y, x, c) : image[c * 1024 + y * 32 + x]!;
          expect(found).toBeCloseTo((pixel(stored, y, x, c) / 255 - mean[c]!) / std[c]!, 5);
        }
      }
    }
  }
});

test("planar bytes are the stored ones, moved", async () => {
  const dataset = await openTestDataset();
  for (const [key, image] of await serve(dataset, { ...base, layout: "NCHW" })) {
    const stored = makeRows([Number(key.split("/")[1])]).image;
    expect(image.every((value, offset) => value === stored[(offset % 1024) * 3 + (offset >> 10)])).toBe(true);
  }
});

/** A window of the padded image, by the definition. */
function cropOf(image: Uint8Array, shift: readonly [number, number], isFlipped: boolean, mode: "zero" | "reflect") {
  const reflect = (index: number) => (index < 0 ? -index : index > 31 ? 62 - index : index);
  const result: number[] = [];
  for (let y = 0; y < 32; y++) {
    for (let x = 0; x < 32; x++) {
      const [row, column] = [y + shift[0], (isFlipped ? 31 - x : x) + shift[1]];
      const isInside = row >= 0 && row < 32 && column >= 0 && column < 32;
      for (const c of [0, 1, 2]) {
        result.push(
          isInside
            ? pixel(image, row, column, c)
            : mode === "zero"
              ? 0
              : pixel(image, reflect(row), reflect(column), c),
        );
      }
    }
  }
  return result.join();
}

test.each(["zero", "reflect"] as const)(
  "flip and crop (%s) give windows of the padded image; all shifts and both sides come about equally often",
  async (mode) => {
    const dataset = await openTestDataset({ train: 60 });
    const padding = 1;
    const options = { ...base, epochs: 20, augment: { flip: true, crop: { padding, mode } } };
    const counts = new Map<string, number>();
    for (const [key, image] of await serve(dataset, options)) {
      const stored = makeRows([Number(key.split("/")[1])]).image;
      const text = image.join();
      const found: string[] = [];
      for (const isFlipped of [false, true]) {
        for (const dy of [-1, 0, 1]) {
          for (const dx of [-1, 0, 1]) {
            if (cropOf(stored, [dy, dx], isFlipped, mode) === text) found.push(`${isFlipped} ${dy} ${dx}`);
          }
        }
      }
      expect(found).toHaveLength(1);
      counts.set(found[0]!, (counts.get(found[0]!) ?? 0) + 1);
    }
    expect(counts.size).toBe(18);
    const expected = (40 * 20) / 18;
    const chiSquare = [...counts.values()].reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
    expect(chiSquare).toBeLessThan(50);
  },
);

test("cutout sets a square of the result to 0, in either layout, and nothing else", async () => {
  const dataset = await openTestDataset();
  for (const layout of ["NHWC", "NCHW"] as const) {
    const options = { ...base, dtype: "float32", layout, normalize: true } as const;
    const [plain, cut] = [
      await serve(dataset, options),
      await serve(dataset, { ...options, augment: { cutout: { size: 9 } } }),
    ];
    const corners = new Set<string>();
    for (const [key, image] of cut) {
      const at = (y: number, x: number, c: number) =>
        layout === "NHWC" ? (y * 32 + x) * 3 + c : c * 1024 + y * 32 + x;
      const rows = new Set<number>();
      const columns = new Set<number>();
      for (let y = 0; y < 32; y++) {
        for (let x = 0; x < 32; x++) {
          if (image[at(y, x, 0)] !== 0 || plain.get(key)![at(y, x, 0)] === 0) continue;
          rows.add(y);
          columns.add(x);
        }
      }
      expect(Math.max(...rows) - Math.min(...rows) + 1).toBe(rows.size);
      expect(rows.size).toBeGreaterThanOrEqual(5 - 1);
      expect(rows.size).toBeLessThanOrEqual(9);
      for (let y = 0; y < 32; y++) {
        for (let x = 0; x < 32; x++) {
          for (const c of [0, 1, 2]) {
            const expected = rows.has(y) && columns.has(x) ? 0 : plain.get(key)![at(y, x, c)];
            expect(image[at(y, x, c)]).toBe(expected);
          }
        }
      }
      corners.add(`${Math.min(...rows)} ${Math.min(...columns)}`);
    }
    expect(corners.size).toBeGreaterThan(40);
  }
});

test("mixup blends each image with another of its global batch, and gives the label and the weight of each", async () => {
  const dataset = await openTestDataset();
  const options = { ...base, dtype: "float32" } as const;
  const stored = await serve(dataset, { ...options, epochs: 1 });
  const weights: number[] = [];
  for (const batch of await collectBatches(
    dataset.loader<"float32">({ ...options, augment: { mixup: { alpha: 0.4 } } }),
  )) {
    const others = [...batch.ids].map((id) => stored.get(`0/${id}`)!);
    for (const [row, id] of batch.ids.entries()) {
      const weight = batch.mixup!.weights[row]!;
      const first = stored.get(`0/${id}`)!;
      const image = batch.images.subarray(row * 3072, (row + 1) * 3072);
      const distanceTo = (other: readonly number[]) =>
        image.reduce(
          (worst, value, offset) =>
            Math.max(worst, Math.abs(value - weight * first[offset]! - (1 - weight) * other[offset]!)),
          0,
        );
      const fits = others.flatMap((other, index) => (index !== row && distanceTo(other) < 1e-6 ? [index] : []));
      if (weight < 0.999) expect(fits).toHaveLength(1);
      expect(fits.map((index) => batch.labels[index])).toContain(batch.mixup!.labels[row]);
      weights.push(weight);
    }
  }
  expect(weights.every((weight) => weight >= 0 && weight <= 1)).toBe(true);
});

test.each([0.05, 0.4, 1, 3])("the weights of mixup follow Beta(%d, same): its mean and variance", (alpha) => {
  const randoms = new SampleRandoms(4);
  const values = Array.from({ length: 20_000 }, (_, position) => {
    randoms.moveTo(0, position);
    return randoms.mixupWeight(alpha);
  });
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
  const expected = 1 / (4 * (2 * alpha + 1));
  expect(mean).toBeCloseTo(0.5, 1);
  expect(Math.abs(variance / expected - 1)).toBeLessThan(0.05);
});

test("augmentation depends on seed, epoch and position, not on batch size, ranks or the starting point", async () => {
  const dataset = await openTestDataset();
  const arbitrary = fc.record({
    batchSize: fc.integer({ min: 1, max: 40 }),
    worldSize: fc.integer({ min: 1, max: 4 }),
    regime: fc.constantFrom("finite" as const, "infinite" as const),
  });
  const possible = arbitrary.filter(({ batchSize, worldSize }) => batchSize >= worldSize);
  const augment = { flip: true, crop: true, cutout: { size: 8 } } as const;
  await fc.assert(
    fc.asyncProperty(possible, async ({ batchSize, worldSize, regime }) => {
      const make = (size: number, rank = 0, world = 1): LoaderOptions =>
        regime === "finite"
          ? { ...base, batchSize: size, dropLast: false, augment, rank, worldSize: world }
          : { regime, seed: 9, batchSize: size, augment, rank, worldSize: world };
      const collectImages = async (options: LoaderOptions) => {
        const images = new Map<string, string>();
        for (const batch of await collectBatches(dataset.loader(options), Math.floor(100 / options.batchSize))) {
          for (const [row, id] of batch.ids.entries()) {
            images.set(
              `${batch.epoch}/${id}`,
              Buffer.from(batch.images.subarray(row * 3072, (row + 1) * 3072)).toString("base64"),
            );
          }
        }
        return images;
      };
      const whole = await collectImages(make(20));
      for (let rank = 0; rank < worldSize; rank++) {
        for (const [key, image] of await collectImages(make(batchSize, rank, worldSize))) {
          if (whole.has(key)) expect(image === whole.get(key)).toBe(true);
        }
      }
    }),
    { numRuns: 15 },
  );
});

test("with all options enabled, resuming and ranks give the same batches", async () => {
  const dataset = await openTestDataset({ memoryBytes: 0 });
  const options: Floats = {
    ...base,
    dtype: "float32",
    layout: "NCHW",
    normalize: true,
    augment: { flip: true, crop: { mode: "reflect" }, cutout: { size: 6 }, mixup: { alpha: 0.3 } },
    labelNoise: { rate: 0.3 },
    columns: ["class", "confidence", "probabilities"],
  };
  const whole = (await collectBatches(dataset.loader<"float32">(options))).map(hashBatch);
  const loader = dataset.loader<"float32">(options);
  const first = (await collectBatches(loader, 3)).map(hashBatch);
  const rest = await collectBatches(dataset.loader<"float32">({ ...options, state: loader.state() }));
  expect([...first, ...rest.map(hashBatch)]).toEqual(whole);
  const reused: string[] = [];
  for await (const batch of dataset.loader<"float32">({ ...options, reuseArrays: true })) reused.push(hashBatch(batch));
  expect(reused).toEqual(whole);
});
