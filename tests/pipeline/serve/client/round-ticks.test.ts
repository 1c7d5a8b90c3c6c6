import fc from "fast-check";
import { expect, test } from "vitest";
import { roundTicks } from "../../../../pipeline/serve/client/round-ticks.ts";

test("the ticks of an axis are round, few, and reach nearly to its end", () => {
  expect(roundTicks(50)).toEqual([0, 10, 20, 30, 40, 50]);
  expect(roundTicks(187)).toEqual([0, 50, 100, 150]);
  expect(roundTicks(400)).toEqual([0, 100, 200, 300, 400]);
  expect(roundTicks(3)).toEqual([0, 1, 2, 3]);
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 1e6 }), (end) => {
      const ticks = roundTicks(end);
      const step = ticks[1]!;
      expect(ticks.length).toBeGreaterThanOrEqual(2);
      expect(ticks.length).toBeLessThanOrEqual(6);
      expect(end - ticks.at(-1)!).toBeLessThan(step);
      expect(String(step)).toMatch(/^[125]0*$/);
    }),
  );
});
