import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { formatGrowthVectors, makeGrowthVectors } from "../../../scripts/maintain/growth-vectors.ts";

const path = new URL("../../../docs/growth-vectors.json", import.meta.url);

test("docs/growth-vectors.json holds what this code gives: a published order is never changed", async () => {
  expect(formatGrowthVectors(makeGrowthVectors())).toBe(await readFile(path, "utf8"));
});
