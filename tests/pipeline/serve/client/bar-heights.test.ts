import { expect, test } from "vitest";
import { barHeights } from "../../../../pipeline/serve/client/bar-heights.ts";

test("bars of two sets are shares of their own rows on one scale, however many rows each has", () => {
  const ofEqualShape = barHeights(
    [
      [0, 10, 30, 0],
      [0, 1000, 3000, 0],
    ],
    44,
  );
  expect(ofEqualShape[0]).toEqual(ofEqualShape[1]);
  // All rows of the first lie in one bin, those of the second in four: its bars are a quarter as high.
  expect(
    barHeights(
      [
        [0, 8, 0, 0],
        [5, 5, 5, 5],
      ],
      44,
    ),
  ).toEqual([
    [0, 44, 0, 0],
    [11, 11, 11, 11],
  ]);
});

test("a bin of a single row is seen, and sets without rows have no bars", () => {
  expect(barHeights([[1, 999_999]], 44)[0]![0]).toBe(1);
  expect(barHeights([[0, 0], []], 44)).toEqual([[0, 0], []]);
  // The second of two sets alone.
  const sets: ArrayLike<number>[] = [];
  sets[1] = [2, 4];
  expect(barHeights(sets, 44)).toEqual([[], [22, 44]]);
});
