import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { describeGrowth } from "../../../shards/format/manifest.ts";
import { readManifest, writeManifest } from "../../../shards/format/manifest-file.ts";
import { type Dataset, type LiveSource, type LoaderOptions, openDataset } from "../../../shards/index.ts";
import { errorOf } from "../../support/expect-error.ts";
import { makeDataset, makeRows, makeTestFolder } from "../../support/make-rows.ts";
import { collectBatches, hashBatch, idsOf } from "../../support/open-test-dataset.ts";
import { publishSize } from "../../support/publish-size.ts";

/** The same set at 40, at 50 and at 100 rows, of which the newest is in `sets[2]`. */
let sets: Dataset[];
let folder: string;

beforeAll(async () => {
  sets = [];
  folder = await mkdtemp(join(tmpdir(), "cifar5m-grown-"));
  await makeDataset(folder, { train: 100, test: 20, rowsPerShard: 10 });
  const whole = await readManifest(folder);
  for (const numTrain of [4, 5, 10]) {
    const earlier = [4, 5].filter((count) => count < numTrain);
    await publishSize(folder, whole, numTrain, earlier);
    sets.push(await openDataset(folder));
  }
});

afterAll(() => rm(folder, { recursive: true, force: true }));

const shuffles = ["full", { blockRows: 4, windowBlocks: 3 }] as const;
const collect = (dataset: Dataset, options: LoaderOptions) => {
  const loader = dataset.loader(options);
  return collectBatches(loader, loader.numBatches);
};
const serve = async (dataset: Dataset, options: LoaderOptions) => (await collect(dataset, options)).map(hashBatch);

test.each(shuffles)(
  "a grown set serves what it served before, then what it grew by, each row once (%o)",
  async (shuffle) => {
    const options = { regime: "infinite", batchSize: 5, seed: 3, shuffle } as const;
    const [first, second, third] = await Promise.all(sets.map(async (set) => idsOf(await collect(set, options))));
    expect(second!.slice(0, 40)).toEqual(first);
    expect(third!.slice(0, 50)).toEqual(second);
    expect(new Set(third).size).toBe(100);
    const ownFirst = [...third!.slice(50)].sort((a, b) => a - b);
    expect(third!.slice(50)).not.toEqual(ownFirst);
  },
);

test.each([...shuffles, false] as const)(
  "subsets of a grown set are those of before, batch by batch (%o)",
  async (shuffle) => {
    for (const numSamples of [7, 24, 40]) {
      const options = {
        regime: "finite",
        numSamples,
        epochs: 2,
        batchSize: 4,
        dropLast: false,
        seed: 3,
        shuffle,
      } as const;
      const expected = await serve(sets[0]!, options);
      for (const set of sets.slice(1)) expect(await serve(set, options)).toEqual(expected);
    }
    const subset = async (numSamples: number) =>
      new Set(idsOf(await collect(sets[2]!, { regime: "finite", numSamples, batchSize: 1, seed: 3, shuffle })));
    const sizes = await Promise.all([24, 40, 47, 50, 80, 100].map(subset));
    for (const [index, smaller] of sizes.slice(0, -1).entries()) {
      expect([...smaller].every((id) => sizes[index + 1]!.has(id))).toBe(true);
    }
  },
);

test.each([
  { regime: "finite", numSamples: 40, epochs: 2, batchSize: 6, seed: 1 },
  { regime: "finite", numSamples: 23, epochs: 2, batchSize: 6, seed: 1, dropLast: false },
  { regime: "infinite", batchSize: 6, seed: 1 },
] as const)("a state of an earlier size goes on in the grown set where it was (%o)", async (options) => {
  for (const set of sets.slice(1)) {
    const expected = await collect(set, options);
    const loader = sets[0]!.loader(options);
    let taken = 0;
    for await (const _ of loader) {
      taken++;
      const resumed = set.loader({ ...options, state: loader.state() });
      expect((await collectBatches(resumed, expected.length - taken)).map(hashBatch)).toEqual(
        expected.slice(taken).map(hashBatch),
      );
      expect(resumed.state().dataset).toBe(set.fingerprint);
      if (taken === loader.numBatches) break;
    }
  }
});

test("a state of an earlier size is refused by a loader of more samples, and one of a later size by an earlier set", async () => {
  const finite = { regime: "finite", batchSize: 6, seed: 1 } as const;
  const { message } = await errorOf(
    () => sets[2]!.loader({ ...finite, state: sets[0]!.loader(finite).state() }),
    "loader-state/mismatch",
  );
  expect(message).toContain("numSamples of the loader state is 40, this loader has 100.");
  const state = sets[2]!.loader({ ...finite, numSamples: 40 }).state();
  const backward = await errorOf(() => sets[0]!.loader({ ...finite, state }), "loader-state/mismatch");
  expect(backward.message).toContain("dataset of the loader state is train-");
});

test("a state that has served live images is refused once the set has grown, since they would be made twice", async () => {
  const asked: number[] = [];
  const live: LiveSource = {
    sample: async (ids) => {
      asked.push(...ids);
      const { image, probabilities, class: classes } = makeRows([...ids]);
      return { images: image, probabilities, classes };
    },
  };
  const options = { regime: "infinite", batchSize: 8, seed: 1, live } as const;
  const loader = sets[0]!.loader(options);
  await collectBatches(loader, 5);
  expect(sets[2]!.loader({ ...options, state: loader.state() }).state().position).toBe(40);
  await collectBatches(loader, 1);
  const state = loader.state();
  expect(asked.length).toBe(8);
  for (const resumed of [options, { ...options, live: undefined }]) {
    const { message } = await errorOf(
      () => sets[2]!.loader({ ...resumed, state } as LoaderOptions),
      "loader-state/mismatch",
    );
    expect(message).toContain("must be at most 40");
    expect(message).toContain("got 48");
  }
  expect(sets[0]!.loader({ ...options, state }).state().position).toBe(48);
});

test("a filtered part of a grown set begins with that of before, with workers and without", async () => {
  const filter = { classes: [1, 4, 7] };
  const [before, now] = await Promise.all([sets[0]!.filter(filter), sets[2]!.filter(filter)]);
  const options = { regime: "infinite", batchSize: 2, seed: 9 } as const;
  const expected = idsOf(await collect(before!, options));
  expect(expected.length).toBeGreaterThan(4);
  for (const workers of [0, 1]) {
    expect(idsOf(await collect(now!, { ...options, workers })).slice(0, expected.length)).toEqual(expected);
  }
  const state = before!.loader(options).state();
  expect(now!.loader({ ...options, state }).state().position).toBe(0);
});

test("a manifest whose earlier sizes do not follow from its shards is refused", async () => {
  const folder = await makeTestFolder();
  await makeDataset(folder, { train: 40, test: 10, rowsPerShard: 10 });
  const { version: _, sha256: __, ...rest } = await readManifest(folder);
  const growth = describeGrowth(rest.splits, [{ train: 2, test: 1 }]);
  await writeManifest(folder, { ...rest, growth });
  for (const [bad, seen] of [
    [[{ ...growth[0]!, train: 3 }], "sha256 of an earlier size does not follow"],
    [[{ ...growth[0]!, train: 5 }], "falling numbers of train shards, got 5, 4"],
    [[], "growth"],
  ] as const) {
    const { message } = await errorOf(() => writeManifest(folder, { ...rest, growth: [...bad] }), "manifest/invalid");
    expect(message).toContain(seen);
  }
});
