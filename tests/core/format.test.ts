import { expect, test } from "vitest";
import { formatCount, shortHash } from "../../core/format.ts";

test("a hash is shown by its first 12 digits and an ellipsis, a count with commas between thousands", () => {
  expect(shortHash("0123456789abcdef".repeat(4))).toBe("0123456789ab…");
  expect([0, 999, 50_000, 6_000_000].map(formatCount)).toEqual(["0", "999", "50,000", "6,000,000"]);
});
