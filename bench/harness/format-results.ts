/** The page of benchmarks, made of their results. */

import type { BenchmarkResults, BenchmarkRow, BenchmarkTable } from "./results.ts";

/** docs/benchmarks.md, as `npm run bench -- --json docs/benchmarks.json` writes it beside its results. */
export function formatResults({ machine, node, date, tables }: BenchmarkResults): string {
  return [
    "# Benchmarks",
    "",
    "This page is generated from [benchmarks.json](benchmarks.json): `npm run bench -- --json docs/benchmarks.json` measures",
    "and writes both.",
    "",
    `Measured on ${date}: ${machine}, Node ${node.replace(/^v/, "")}. Programs take turns, and each figure is the median of its`,
    "rounds. **Ours is** how many times another program's speed our fastest has. Ratios carry over to other machines better",
    "than images per second do. A program's memory is the most it had resident.",
    "",
    ...tables.flatMap(formatTable),
  ].join("\n");
}

function formatTable({ title, rows }: BenchmarkTable): string[] {
  return [
    `## ${title}`,
    "",
    "| program | images/s | ours is | peak MB |",
    "| ------- | -------: | ------: | ------: |",
    ...rows.map(formatRow),
    "",
  ];
}

function formatRow({ name, imagesPerSecond, ratio, peakMb }: BenchmarkRow): string {
  const speed = imagesPerSecond.toLocaleString("en-US", { maximumSignificantDigits: 3 });
  return `| ${name} | ${speed} | ${ratio === undefined ? "" : `${ratio.toFixed(2)} ×`} | ${peakMb.toLocaleString("en-US")} |`;
}
