import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { formatResults } from "../../bench/harness/format-results.ts";

test("docs/benchmarks.md is what docs/benchmarks.json says", async () => {
  const results = JSON.parse(await readFile("docs/benchmarks.json", "utf8"));
  expect(results.tables.length).toBeGreaterThanOrEqual(4);
  expect(await readFile("docs/benchmarks.md", "utf8")).toBe(formatResults(results));
});

test("the page says whose memory leaves out mapped files, if loaders in Python were measured", () => {
  const pageOf = (...names: string[]) =>
    formatResults({
      ...{ machine: "1 × CPU", node: "v20.19.0", date: "2026-01-01" },
      tables: [{ title: "table", rows: names.map((name) => ({ name, imagesPerSecond: 1, peakMb: 1 })) }],
    });
  for (const name of ["numpy-map", "cifar5m-python"]) {
    expect(pageOf("cifar5m, 0 workers", name)).toMatch(/loaders in Python .*minus the pages of files\n.*`RssShmem`/);
  }
  for (const name of ["cifar5m, 0 workers", "torch compile"]) expect(pageOf(name)).not.toContain("RssFile");
});
