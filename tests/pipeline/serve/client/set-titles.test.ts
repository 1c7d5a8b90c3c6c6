import { expect, test } from "vitest";
import { setTitles } from "../../../../pipeline/serve/client/set-titles.ts";

test("sets are called by letter and name, and by the start of their hash where names are equal", () => {
  const [first, second] = [
    { name: "cifar5m", sha256: `0123abcd${"0".repeat(56)}` },
    { name: "cifar5m", sha256: `4567abcd${"0".repeat(56)}` },
  ];
  expect(setTitles([first, { ...second, name: "other" }])).toEqual(["A: cifar5m", "B: other"]);
  expect(setTitles([first, second])).toEqual(["A: cifar5m (0123abcd0000…)", "B: cifar5m (4567abcd0000…)"]);
});
