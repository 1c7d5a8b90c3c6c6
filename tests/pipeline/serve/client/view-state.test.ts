import fc from "fast-check";
import { expect, test } from "vitest";
import { sortKeys } from "../../../../pipeline/serve/client/sort-rows.ts";
import {
  filterOf,
  firstView,
  formatView,
  parseView,
  shownSets,
  type View,
} from "../../../../pipeline/serve/client/view-state.ts";
import { flagNames } from "../../../../shards/format/flags.ts";

const hundredths = fc.integer({ min: 0, max: 100 }).map((value) => value / 100);
const view: fc.Arbitrary<View> = fc
  .record({
    set: fc.constantFrom(...shownSets),
    part: fc.constantFrom("train" as const, "test" as const, "removed" as const),
    labels: fc.uniqueArray(fc.nat(9)),
    isOther: fc.boolean(),
    range: fc.tuple(hundredths, hundredths),
    flags: fc.dictionary(fc.constantFrom(...flagNames), fc.boolean(), { noNullPrototype: true }),
    sort: fc.constantFrom(...sortKeys),
    isFalling: fc.boolean(),
    image: fc.option(fc.nat(), { nil: undefined }),
  })
  .map(({ range, ...others }) => ({ ...others, from: Math.min(...range), to: Math.max(...range) }));

test("an address keeps a view as it is", () => {
  fc.assert(
    fc.property(view, (one) => {
      expect(parseView(`#${formatView(one)}`, 10)).toEqual(one);
    }),
  );
  expect(formatView(firstView)).toBe("");
});

test("any address is a view; what means nothing is left out", () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      expect(parseView(text, 10).labels.every((label) => label < 10)).toBe(true);
    }),
  );
  const nonsense = "#set=c&part=../x&label=11,-1,1.5,x,3&confidence=0.9-0.1&with=evil,leak&sort=<b>&image=1e3";
  expect(parseView(nonsense, 10)).toEqual({ ...firstView, labels: [3], flags: { leak: true } });
});

test("flags matter where the set has them", () => {
  const one = { ...firstView, flags: { leak: true, nearCopy: false } };
  const leak = 1 << flagNames.indexOf("leak");
  expect(filterOf(one, { hasFlags: true })).toMatchObject({ flagMask: leak | 1, flagValues: leak });
  expect(filterOf(one, { hasFlags: false })).toMatchObject({ flagMask: 0, flagValues: 0 });
});
