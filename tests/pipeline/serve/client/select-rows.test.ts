import fc from "fast-check";
import { expect, test } from "vitest";
import { binOf, numBins } from "../../../../core/confidence-bins.ts";
import { type Filter, selectRows } from "../../../../pipeline/serve/client/select-rows.ts";
import { allIds, matchIds, sortKeys, sortRows } from "../../../../pipeline/serve/client/sort-rows.ts";
import { allocateColumns, noClassBit, type RowColumns } from "../../../../pipeline/serve/row-columns.ts";

interface Row {
  readonly id: number;
  readonly label: number;
  readonly asked: number | undefined;
  readonly confidence: number;
  readonly flags: number;
}

const row: fc.Arbitrary<Row> = fc.record({
  id: fc.nat(60_000),
  label: fc.nat(9),
  asked: fc.constantFrom(undefined, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9),
  confidence: fc.float({ min: 0, max: 1, noNaN: true }).map(Math.abs),
  flags: fc.nat(31),
});
const rows = fc.uniqueArray(row, { maxLength: 80, selector: ({ id }) => id });
const confidence = fc.integer({ min: 0, max: 100 }).map((hundredths) => hundredths / 100);
const filter: fc.Arbitrary<Filter> = fc.record({
  labels: fc.uniqueArray(fc.nat(9), { maxLength: 3 }),
  isOther: fc.boolean(),
  from: confidence,
  to: confidence,
  flagMask: fc.nat(31),
  flagValues: fc.nat(31),
});

function toColumns(all: readonly Row[]): RowColumns {
  const { columns } = allocateColumns({ numRows: all.length, numBatches: 1, offsetBytes: 2, hasFlags: true });
  for (const [at, { id, label, asked, confidence: value, flags }] of all.entries()) {
    columns.idOffsets[at] = id;
    columns.labels[at] = label;
    columns.classes[at] = asked ?? 0;
    columns.confidences[at] = value;
    columns.flags[at] = flags | (asked === undefined ? noClassBit : 0);
  }
  return columns;
}

test("a filter keeps what each of its conditions keeps, and counts what its controls would", () => {
  fc.assert(
    fc.property(rows, filter, (all, { flagValues, ...others }) => {
      const wanted: Filter = { ...others, flagValues: flagValues & others.flagMask };
      const columns = toColumns(all);
      const passes = {
        flags: (one: Row) => (one.flags & wanted.flagMask) === wanted.flagValues,
        asked: (one: Row) => !wanted.isOther || (one.asked !== undefined && one.asked !== one.label),
        label: (one: Row) => wanted.labels.length === 0 || wanted.labels.includes(one.label),
        range: (one: Row) => one.confidence >= Math.fround(wanted.from) && one.confidence <= Math.fround(wanted.to),
      };
      const rest = all.filter((one) => passes.flags(one) && passes.asked(one));
      const selection = selectRows(columns, wanted);
      expect([...selection.rows].map((at) => all[at]!.id)).toEqual(
        rest.filter((one) => passes.label(one) && passes.range(one)).map(({ id }) => id),
      );
      for (let label = 0; label < 10; label++) {
        const count = rest.filter((one) => passes.range(one) && one.label === label).length;
        expect(selection.labelCounts[label]).toBe(count);
      }
      const binned = rest.filter(passes.label).map((one) => binOf(one.confidence));
      expect([...selection.bins]).toEqual(
        Array.from({ length: numBins }, (_, bin) => binned.filter((one) => one === bin).length),
      );
    }),
  );
});

test("rows are sorted by each key, stably, and backwards", () => {
  fc.assert(
    fc.property(rows, (all) => {
      const columns = toColumns(all);
      const kept = Uint32Array.from(all.keys());
      for (const key of sortKeys) {
        const keyOf = (at: number) =>
          ({ id: all[at]!.id, confidence: columns.confidences[at]!, label: all[at]!.label })[key];
        const wanted = [...all.keys()].sort((a, b) => keyOf(a) - keyOf(b) || a - b);
        const sorted = (isFalling: boolean) => [...sortRows(kept, columns, allIds(columns), { key, isFalling })];
        expect(sorted(false)).toEqual(wanted);
        expect(sorted(true)).toEqual(wanted.reverse());
      }
      expect([...allIds(columns)]).toEqual(all.map(({ id }) => id));
    }),
  );
});

test("rows of two sets are matched by id, in order or not", () => {
  const ids = fc.uniqueArray(fc.nat(50), { maxLength: 30 });
  fc.assert(
    fc.property(ids, ids, fc.boolean(), (left, right, isSorted) => {
      const [a, b] = [left, right].map((list) => Float64Array.from(isSorted ? list.sort((x, y) => x - y) : list)) as [
        Float64Array,
        Float64Array,
      ];
      expect([...matchIds(a, b)]).toEqual([...a].map((id) => b.indexOf(id)));
    }),
  );
});

test("a confidence that no labeler gives falls into no bin beyond the ends", () => {
  expect([-1, 2, Number.NaN, Number.POSITIVE_INFINITY].map(binOf)).toEqual([0, numBins - 1, 0, 0]);
});
