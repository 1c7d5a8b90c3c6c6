import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { buildReferenceIndex } from "../../../pipeline/audit/reference-index.ts";
import { openReferenceSearch, type ReferenceSearch } from "../../../pipeline/audit/reference-search.ts";
import { searchBatchSize } from "../../../pipeline/audit/search-batch.ts";
import { smoothImages } from "../../support/smooth-images.ts";
import { mirrored } from "../../support/stand-in-runtime.ts";

const signal = new AbortController().signal;
const [train, test_] = [smoothImages(300, "train"), smoothImages(90, "test")];
let search: ReferenceSearch;

beforeAll(async () => {
  search = openReferenceSearch(await buildReferenceIndex(Buffer.concat(train), Buffer.concat(test_)), 2);
});
afterAll(() => search.close());

test("a search that fails begins no further batch, and none is at work when it ends", async () => {
  const images = Buffer.alloc(searchBatchSize * 20 * 3072);
  let numBatches = 0;
  const count = () => {
    if (++numBatches === 1) throw new Error("no space");
  };
  await expect(search.search(images, { signal, count })).rejects.toThrow("no space");
  const atEnd = numBatches;
  // Two workers, and a batch that waits for them.
  expect(atEnd).toBeLessThanOrEqual(3);
  await search.search(images.subarray(0, 3072), { signal });
  expect(numBatches).toBe(atEnd);
});

/** All distances to the images of a split, plain or mirrored, nearest first. */
function bruteForce(image: Uint8Array, references: readonly Uint8Array[]) {
  const squared = (a: Uint8Array, b: Uint8Array) => a.reduce((sum, value, k) => sum + (value - b[k]!) ** 2, 0);
  return references
    .map((reference, index) => {
      const [plain, turned] = [squared(image, reference), squared(image, mirrored(reference))];
      return { index, isMirrored: turned < plain, squared: Math.min(plain, turned) };
    })
    .sort((a, b) => a.squared - b.squared || a.index - b.index);
}

test("both nearest images of both splits, and the adaptive test, equal those of brute force", async () => {
  const blend = fc.record({
    from: fc.nat(299),
    to: fc.nat(89),
    share: fc.double({ min: 0, max: 1, noNaN: true }),
    isMirrored: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(blend, { minLength: 1, maxLength: 4 }), async (blends) => {
      const images = blends.map(({ from, to, share, isMirrored }) => {
        const mixed = train[from]!.map((value, k) => value * share + test_[to]![k]! * (1 - share));
        return isMirrored ? mirrored(mixed) : mixed;
      });
      const found = await search.search(Buffer.concat(images), { signal });
      for (const [row, image] of images.entries()) {
        for (const [split, references] of [
          ["train", train],
          ["test", test_],
        ] as const) {
          const [first, second, ...others] = bruteForce(image, references);
          const ofSplit = found[split];
          expect([ofSplit.index[row], ofSplit.squared[row]]).toEqual([first!.index, first!.squared]);
          expect(ofSplit.isMirrored[row]).toBe(Number(first!.isMirrored));
          expect(ofSplit.secondSquared[row]).toBe(second!.squared);
          const nearest = [first!, second!, ...others].slice(0, 50).map(({ squared }) => Math.sqrt(squared));
          const mean = nearest.reduce((sum, distance) => sum + distance, 0) / nearest.length;
          expect(ofSplit.isAdaptive[row]).toBe(Number(nearest[0]! < mean / 2));
        }
      }
    }),
    { numRuns: 30 },
  );
});

test("the listed train images equal those of brute force, also where several are equally near", async () => {
  const twins = [...train.slice(0, 40), train[3]!, mirrored(train[5]!)];
  const few = openReferenceSearch(await buildReferenceIndex(Buffer.concat(twins), new Uint8Array(0)), 1);
  try {
    const images = [train[3]!, mirrored(train[5]!), ...test_.slice(0, 4)];
    for (const numNeighbors of [1, 6, 50]) {
      const lists = await few.listNeighbors(Buffer.concat(images), numNeighbors);
      expect(lists).toEqual(images.map((image) => bruteForce(image, twins).slice(0, numNeighbors)));
    }
  } finally {
    await few.close();
  }
  const image = train[8]!.map((value, k) => (value + test_[8]![k]!) / 2);
  expect(await search.listNeighbors(image, 6)).toEqual([bruteForce(image, train).slice(0, 6)]);
});

test("the results do not depend on how images are grouped, nor on the number of workers", async () => {
  const images = Buffer.concat([...test_, ...train].slice(0, 200));
  const whole = await search.search(images, { signal });
  const alone = openReferenceSearch(await buildReferenceIndex(Buffer.concat(train), Buffer.concat(test_)), 1);
  try {
    const parts = await alone.search(images.subarray(0, 70 * 3072), { signal });
    for (const [key, values] of Object.entries(parts.train)) {
      expect(values).toEqual(whole.train[key as "index"].slice(0, 70));
    }
  } finally {
    await alone.close();
  }
});
