import fc from "fast-check";
import { expect, test } from "vitest";
import { createShuffle, type ShuffleKind } from "../../../shards/order/shuffle.ts";

const kinds = fc.oneof<[fc.Arbitrary<ShuffleKind>, fc.Arbitrary<ShuffleKind>]>(
  fc.constant({ kind: "full" }),
  fc.record({
    kind: fc.constant("blocked"),
    blockRows: fc.integer({ min: 1, max: 60 }),
    windowBlocks: fc.integer({ min: 1, max: 9 }),
  }),
);
const everyPosition = (size: number) => Array.from({ length: size }, (_, position) => position);
/** Chi-square of 100 degrees of freedom is above this once in 10⁵. */
const highChiSquare = 171;

test("an order of any kind and size is a permutation, found from any position", () => {
  fc.assert(
    fc.property(kinds, fc.integer({ min: 1, max: 500 }), fc.nat(), fc.nat(1000), (kind, size, seed, id) => {
      const forwards = everyPosition(size).map(createShuffle(kind, { size, seed, id }));
      expect([...forwards].sort((a, b) => a - b)).toEqual(everyPosition(size));
      const again = createShuffle(kind, { size, seed, id });
      const backwards = everyPosition(size).reverse().map(again).reverse();
      expect(backwards).toEqual(forwards);
    }),
    { numRuns: 300 },
  );
});

test("orders of other seeds and ids differ", () => {
  for (const kind of [{ kind: "full" }, { kind: "blocked", blockRows: 10, windowBlocks: 4 }] as const) {
    const orders = [
      { seed: 1, id: 0 },
      { seed: 2, id: 0 },
      { seed: 1, id: 1 },
    ].map((key) => everyPosition(200).map(createShuffle(kind, { size: 200, ...key })));
    expect(new Set(orders.map((order) => order.join())).size).toBe(3);
  }
});

test("positions of a blocked order over the length of a window touch the blocks of three windows at most", () => {
  const [blockRows, windowBlocks, size] = [50, 4, 5_030];
  const order = everyPosition(size).map(
    createShuffle({ kind: "blocked", blockRows, windowBlocks }, { size, seed: 3, id: 1 }),
  );
  for (let start = 0; start + blockRows * windowBlocks <= size; start += 37) {
    const blocks = new Set(
      order.slice(start, start + blockRows * windowBlocks).map((row) => Math.floor(row / blockRows)),
    );
    expect(blocks.size).toBeLessThanOrEqual(3 * windowBlocks);
  }
});

test.each<ShuffleKind>([{ kind: "full" }, { kind: "blocked", blockRows: 20, windowBlocks: 5 }])(
  "over many orders every row comes everywhere equally often (%o)",
  (kind) => {
    const [size, numOrders] = [100, 20_000];
    const counts = [0, 50, 99].map(() => new Float64Array(size));
    for (let id = 0; id < numOrders; id++) {
      const order = createShuffle(kind, { size, seed: 12, id });
      for (const [index, position] of [0, 50, 99].entries()) counts[index]![order(position)]!++;
    }
    const expected = numOrders / size;
    for (const ofRow of counts) {
      const chiSquare = ofRow.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
      expect(chiSquare).toBeLessThan(highChiSquare);
    }
  },
);

test("neighbors in a full order are uncorrelated; in a blocked order those within a window are", () => {
  const size = 100_000;
  const correlation = (values: readonly number[]) => {
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    let [product, square] = [0, 0];
    for (let index = 0; index < values.length; index++) {
      square += (values[index]! - mean) ** 2;
      if (index > 0) product += (values[index]! - mean) * (values[index - 1]! - mean);
    }
    return product / square;
  };
  const full = everyPosition(size).map(createShuffle({ kind: "full" }, { size, seed: 7, id: 1 }));
  expect(Math.abs(correlation(full))).toBeLessThan(4 / Math.sqrt(size));
  const [blockRows, windowBlocks] = [1000, 8];
  const blocked = createShuffle({ kind: "blocked", blockRows, windowBlocks }, { size, seed: 7, id: 1 });
  const window = everyPosition(blockRows * windowBlocks).map(blocked);
  expect(Math.abs(correlation(window))).toBeLessThan(4 / Math.sqrt(window.length));
});
