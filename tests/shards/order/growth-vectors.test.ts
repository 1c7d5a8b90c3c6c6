import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { makeGrowthVectors } from "../../../scripts/maintain/growth-vectors.ts";
import { formatVectors } from "../../../scripts/maintain/vectors.ts";

const path = new URL("../../../docs/growth-vectors.json", import.meta.url);

test("docs/growth-vectors.json holds what this code gives: a published order is never changed", async () => {
  expect(formatVectors(makeGrowthVectors())).toBe(await readFile(path, "utf8"));
});
