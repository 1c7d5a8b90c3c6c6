import fc from "fast-check";
import { expect, test } from "vitest";
import {
  chunkEntries,
  countRows,
  countRowsBelow,
  intersectRows,
  RowCollector,
  type RowNumbers,
  rowNumberAt,
} from "../../../shards/rows/row-numbers.ts";

function collect(rows: Iterable<number>, numRows: number): RowNumbers {
  const collector = new RowCollector(numRows);
  for (const row of rows) collector.add(row);
  return collector.finish();
}

const listed = (rows: RowNumbers) => rows.flatMap((chunk) => [...chunk]);
const twoTo32 = 2 ** 32;

test("rows of a split of 2³² rows take 4 bytes, those of a larger one 8, and all come back exactly", () => {
  const small = collect([0, 5, twoTo32 - 1], twoTo32);
  expect(small[0]).toBeInstanceOf(Uint32Array);
  expect(listed(small)).toEqual([0, 5, twoTo32 - 1]);
  const edge = [0, twoTo32 - 1, twoTo32, twoTo32 + 1, 6e9 - 1];
  const large = collect(edge, 6e9);
  expect(large[0]).toBeInstanceOf(Float64Array);
  expect(edge.map((_, index) => rowNumberAt(large, index))).toEqual(edge);
  expect([twoTo32 - 1, twoTo32, twoTo32 + 1, 6e9].map((limit) => countRowsBelow(large, limit))).toEqual([1, 2, 3, 5]);
});

test("rows beyond a chunk are found by index, and the last chunk has no more memory than it needs", () => {
  const numRows = chunkEntries + 3;
  const rows = collect(
    (function* () {
      for (let row = 0; row < numRows; row++) yield twoTo32 + 2 * row;
    })(),
    6e9 + twoTo32,
  );
  expect(countRows(rows)).toBe(numRows);
  expect(rows.map(({ length, buffer }) => [length, buffer.byteLength])).toEqual([
    [chunkEntries, 8 * chunkEntries],
    [3, 24],
  ]);
  for (const index of [0, chunkEntries - 1, chunkEntries, numRows - 1]) {
    expect(rowNumberAt(rows, index)).toBe(twoTo32 + 2 * index);
    expect(countRowsBelow(rows, twoTo32 + 2 * index)).toBe(index);
  }
});

test("what two filters both keep equals the intersection of sets", () => {
  const someRows = fc.uniqueArray(fc.integer({ min: 0, max: 60 })).map((rows) => rows.sort((a, b) => a - b));
  fc.assert(
    fc.property(someRows, someRows, fc.constantFrom(0, twoTo32), (first, second, offset) => {
      const [a, b] = [first, second].map((rows) =>
        collect(
          rows.map((row) => offset + row),
          offset + 61,
        ),
      );
      const known = new Set(second);
      expect(listed(intersectRows(a!, b!, offset + 61))).toEqual(
        first.filter((row) => known.has(row)).map((row) => offset + row),
      );
    }),
  );
});
