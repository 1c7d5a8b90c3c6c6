import fc from "fast-check";
import { expect, test } from "vitest";
import { createPermutation, invertPermute, maxPermutationSize, permute } from "../../core/permutation.ts";

const anySeed = fc.nat(2 ** 31 - 1);

test("a permutation of any size and seed reaches every entry once", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 3000 }), anySeed, fc.nat(100), (size, seed, id) => {
      const permutation = createPermutation({ size, seed, id });
      const entries = Array.from({ length: size }, (_, position) => permute(position, permutation));
      expect(Math.min(...entries)).toBe(0);
      expect(Math.max(...entries)).toBe(size - 1);
      expect(new Set(entries).size).toBe(size);
    }),
    { numRuns: 100 },
  );
});

test("the inverse finds the position of every entry, up to a size of 2^40", () => {
  const arbitrary = fc
    .integer({ min: 1, max: maxPermutationSize })
    .chain((size) => fc.tuple(fc.constant(size), fc.integer({ min: 0, max: size - 1 }), anySeed));
  fc.assert(
    fc.property(arbitrary, ([size, position, seed]) => {
      const permutation = createPermutation({ size, seed, id: 5 });
      const entry = permute(position, permutation);
      expect(entry >= 0 && entry < size && Number.isInteger(entry)).toBe(true);
      expect(invertPermute(entry, permutation)).toBe(position);
    }),
    { numRuns: 2000 },
  );
});

/** Chi-square statistic of counts that should be equal: its distance from the mean in standard deviations. */
function excess(counts: readonly number[]): number {
  const mean = counts.reduce((sum, count) => sum + count, 0) / counts.length;
  const chiSquare = counts.reduce((sum, count) => sum + (count - mean) ** 2 / mean, 0);
  const freedom = counts.length - 1;
  return (chiSquare - freedom) / Math.sqrt(2 * freedom);
}

test.each([4, 5, 10])("over seeds, each position of a permutation of %i gets every entry equally often", (size) => {
  const counts = new Array<number>(size * size).fill(0);
  for (let seed = 0; seed < 20_000; seed++) {
    const permutation = createPermutation({ size, seed, id: 0 });
    for (let position = 0; position < size; position++) {
      const cell = position * size + permute(position, permutation);
      counts[cell] = (counts[cell] ?? 0) + 1;
    }
  }
  expect(Math.abs(excess(counts))).toBeLessThan(4.5);
});

test("neighboring positions of a large permutation land independently of each other", () => {
  const size = 6_002_688;
  const permutation = createPermutation({ size, seed: 3, id: 1 });
  const numBins = 16;
  const counts = new Array<number>(numBins * numBins).fill(0);
  for (let position = 0; position < 200_000; position += 2) {
    const bins = [position, position + 1].map((at) => Math.floor((permute(at, permutation) / size) * numBins));
    const cell = bins[0]! * numBins + bins[1]!;
    counts[cell] = (counts[cell] ?? 0) + 1;
  }
  expect(Math.abs(excess(counts))).toBeLessThan(4.5);
});

test("permutations of two ids agree no more often than chance", () => {
  const size = 10_000;
  const [first, second] = [1, 2].map((id) => createPermutation({ size, seed: 9, id }));
  let numEqual = 0;
  for (let position = 0; position < size; position++) {
    if (permute(position, first!) === permute(position, second!)) numEqual++;
  }
  expect(numEqual).toBeLessThan(8);
});

test("the order is pinned: loader states of older releases stay valid", () => {
  const permutation = createPermutation({ size: 1000, seed: 42, id: 7 });
  expect([0, 1, 2, 3, 4, 999].map((position) => permute(position, permutation))).toMatchInlineSnapshot(`
    [
      773,
      661,
      653,
      448,
      668,
      88,
    ]
  `);
});

test("a size, seed or id out of range is refused by name", () => {
  expect(() => createPermutation({ size: 0, seed: 0, id: 0 })).toThrow(/size must be an integer in \[1, .*got 0/);
  expect(() => createPermutation({ size: 2 ** 40 + 1, seed: 0, id: 0 })).toThrow(/size/);
  expect(() => createPermutation({ size: 1, seed: -1, id: 0 })).toThrow(/seed/);
  expect(() => createPermutation({ size: 1, seed: 0, id: 0.5 })).toThrow(/id/);
});
