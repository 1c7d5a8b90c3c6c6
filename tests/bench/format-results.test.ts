import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { formatResults } from "../../bench/harness/format-results.ts";

test("docs/benchmarks.md is what docs/benchmarks.json says", async () => {
  const results = JSON.parse(await readFile("docs/benchmarks.json", "utf8"));
  expect(results.tables.length).toBeGreaterThanOrEqual(4);
  expect(await readFile("docs/benchmarks.md", "utf8")).toBe(formatResults(results));
});
