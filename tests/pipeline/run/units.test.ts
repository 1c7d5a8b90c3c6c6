import { readdir } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { resolveConfig } from "../../../pipeline/run/config.ts";
import { openRun } from "../../../pipeline/run/run.ts";
import { runFolderAt } from "../../../pipeline/run/run-folder.ts";
import {
  comparePrecedence,
  firstTestId,
  planFixedUnits,
  planUnits,
  type SetSize,
  shareOf,
  type Unit,
} from "../../../pipeline/run/units.ts";
import { errorOf } from "../../support/expect-error.ts";
import { makeTestFolder } from "../../support/make-rows.ts";

const plans = fc.record({
  count: fc.integer({ min: 1, max: 500 }),
  testCount: fc.integer({ min: 0, max: 200 }),
  unitSize: fc.integer({ min: 1, max: 90 }),
});
const unitSizes = fc.integer({ min: 1, max: 90 });
/** Sizes of a set, each split never smaller than before. */
const histories = fc
  .array(fc.tuple(fc.integer({ min: 0, max: 150 }), fc.integer({ min: 0, max: 90 })), { minLength: 1, maxLength: 5 })
  .map((steps) => {
    const sizes: SetSize[] = [];
    for (const [more, moreTest] of steps) {
      const { count, testCount } = sizes.at(-1) ?? { count: 1, testCount: 0 };
      sizes.push({ count: count + more, testCount: testCount + moreTest });
    }
    return sizes;
  });

/** The units of a split. */
const ofSplit = (units: readonly Unit[], split: string) => units.filter((unit) => unit.split === split);

test("the units of a run of an earlier release cover every id once, in order, and none crosses from train to test", () => {
  fc.assert(
    fc.property(plans, (plan) => {
      const units = planFixedUnits(plan);
      let next = 0;
      for (const [index, unit] of units.entries()) {
        expect([unit.index, unit.number]).toEqual([index, index]);
        expect(unit.idStart).toBe(next);
        expect(unit.idEnd - unit.idStart).toBeGreaterThan(0);
        expect(unit.idEnd - unit.idStart).toBeLessThanOrEqual(plan.unitSize);
        expect(unit.split).toBe(unit.idEnd <= plan.count ? "train" : "test");
        next = unit.idEnd;
      }
      expect(next).toBe(plan.count + plan.testCount);
    }),
  );
});

test("the units of a set that grows cover the ids of each split once, and none exceeds the unit size", () => {
  fc.assert(
    fc.property(histories, unitSizes, (sizes, unitSize) => {
      const units = planUnits(sizes, unitSize);
      expect(units.map(({ index }) => index)).toEqual([...units.keys()]);
      for (const [split, first, key] of [
        ["train", 0, "count"],
        ["test", firstTestId, "testCount"],
      ] as const) {
        let next: number = first;
        for (const [part, unit] of ofSplit(units, split).entries()) {
          expect([unit.part, unit.number, unit.idStart]).toEqual([part, part, next]);
          expect(unit.idEnd - unit.idStart).toBeGreaterThan(0);
          expect(Math.floor((unit.idEnd - 1 - first) / unitSize)).toBe(Math.floor((unit.idStart - first) / unitSize));
          next = unit.idEnd;
        }
        expect(next).toBe(first + sizes.at(-1)![key]);
      }
    }),
  );
});

test("growth leaves the units that there were, their names and their numbers", () => {
  fc.assert(
    fc.property(histories, unitSizes, (sizes, unitSize) => {
      const [before, after] = [planUnits(sizes.slice(0, -1), unitSize), planUnits(sizes, unitSize)];
      for (const split of ["train", "test"]) {
        const kept = ofSplit(after, split).slice(0, ofSplit(before, split).length);
        const withoutIndex = (units: readonly Unit[]) => units.map(({ index: _, ...unit }) => unit);
        expect(withoutIndex(kept)).toEqual(withoutIndex(ofSplit(before, split)));
      }
    }),
  );
});

test("a set that grows by whole units has the units of one that was made at once", () => {
  const sizes = [400, 500, 1000].map((count) => ({ count, testCount: 100 }));
  const withoutSize = (units: readonly Unit[]) => units.map(({ sizeIndex: _, ...unit }) => unit);
  expect(withoutSize(planUnits(sizes, 100))).toEqual(withoutSize(planUnits(sizes.slice(-1), 100)));
});

test("names of units beyond a thousand are in subfolders, and names of shards rise beyond 99,999", () => {
  const units = planUnits([{ count: 123_457, testCount: 1 }], 1);
  expect(units[999]!.name).toBe("train-00999");
  expect(units[1000]!.name).toBe("001/train-01000");
  expect(units[123_456]!.name).toBe("123/train-x123456");
  const files = units.map(({ shardFile }) => shardFile).filter((file) => file.startsWith("train/"));
  expect(files[99_999]).toBe("train/part-99999.arrow");
  expect(files[100_000]).toBe("train/part-x100000.arrow");
  expect(files.every((file, index) => index === 0 || files[index - 1]! < file)).toBe(true);
  const fixed = planFixedUnits({ count: 100_001, testCount: 0, unitSize: 1 });
  expect(fixed.at(-1)!.shardFile).toBe("train/part-x100000.arrow");
});

test.each([
  [
    { count: 9e15, testCount: 0 },
    1,
    /^count and testCount must be at most 499999000000 together, .*, got 9000000000000000\. /,
  ],
  [{ count: 1, testCount: 9e15 }, 500_000, /^count and testCount must be at most 499999000000 together, /],
  [{ count: 4e11, testCount: 0 }, 10_000, /^unitSize must be at least 400001 .* got 10000\. /],
  [{ count: 1_000_000, testCount: 1 }, 1, /^unitSize must be at least 2 .* got 1\. /],
])(
  "%j in units of %i, more than a million of them, are refused before they are planned",
  async (size, unitSize, said) => {
    const { message } = await errorOf(() => planUnits([size], unitSize), "config/out-of-range");
    expect(message).toMatch(said);
    expect(() => planFixedUnits({ ...size, unitSize })).toThrow(message);
    const root = join(await makeTestFolder(), "run");
    await errorOf(() => openRun(runFolderAt(root), resolveConfig({ ...size, unitSize })), "config/out-of-range");
    expect(await readdir(root).catch(() => [])).toEqual([]);
  },
);

test("of copies, an earlier size is kept before a later one, test before train, a smaller id before a larger one", () => {
  const sizes = [
    { count: 10, testCount: 3 },
    { count: 20, testCount: 6 },
  ];
  const ids = [firstTestId, firstTestId + 2, 0, 9, firstTestId + 3, firstTestId + 5, 10, 19];
  const shuffled = [...ids].reverse();
  expect(shuffled.sort(comparePrecedence({ sizes, canGrow: true }))).toEqual(ids);
  expect(shuffled.sort(comparePrecedence({ sizes, canGrow: false }))).toEqual([...ids].sort((a, b) => a - b));
});

test("the shares of all workers are disjoint and complete, and a worker that takes over does the rest last", () => {
  fc.assert(
    fc.property(plans, fc.integer({ min: 1, max: 7 }), (plan, worldSize) => {
      const units = planFixedUnits(plan);
      const shares = Array.from({ length: worldSize }, (_, rank) =>
        shareOf(units, { rank, worldSize, takeOver: false }),
      );
      const indices = shares.flat().map(({ index }) => index);
      expect(indices.sort((a, b) => a - b)).toEqual(units.map(({ index }) => index));
      const takingOver = shareOf(units, { rank: 0, worldSize, takeOver: true });
      expect(takingOver.slice(0, shares[0]!.length)).toEqual(shares[0]);
      expect(new Set(takingOver).size).toBe(units.length);
    }),
  );
});
