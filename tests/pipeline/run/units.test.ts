import fc from "fast-check";
import { expect, test } from "vitest";
import { planUnits, shareOf } from "../../../pipeline/run/units.ts";

const plans = fc.record({
  count: fc.integer({ min: 1, max: 500 }),
  testCount: fc.integer({ min: 0, max: 200 }),
  unitSize: fc.integer({ min: 1, max: 90 }),
});

test("the units of a run cover every id once, in order, and none crosses from train to test", () => {
  fc.assert(
    fc.property(plans, (plan) => {
      const units = planUnits(plan);
      let next = 0;
      for (const [index, unit] of units.entries()) {
        expect(unit.index).toBe(index);
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

test("the shares of all workers are disjoint and complete, and a worker that takes over does the rest last", () => {
  fc.assert(
    fc.property(plans, fc.integer({ min: 1, max: 7 }), (plan, worldSize) => {
      const units = planUnits(plan);
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
