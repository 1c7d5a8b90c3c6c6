/** The page of benchmarks, made of their results. */

import type { BenchmarkResults, BenchmarkRow, BenchmarkTable } from "./results.ts";

/** What the names of rows stand for; other names explain themselves. */
const programs: Readonly<Record<string, string>> = {
  "cifar5m, 0 workers": "this loader in Node, in the thread that asks for the batches",
  "cifar5m, 2 workers": "the same with 2 worker threads",
  "cifar5m-python": "this project's Python package, in one process",
  "cifar5m-python-blocked": "the Python package, shuffled in blocks",
  "numpy-map": "`np.take` on a memory-mapped `.npy` file",
  torch: "a PyTorch `DataLoader` that indexes the memory-mapped `.npy` file batch by batch, without workers",
  "torch-workers": "the `DataLoader` with 2 worker processes",
  "torch-augmented": "a `DataLoader` with 2 worker processes that crop, flip and normalize image by image with PyTorch",
  "pyarrow-map": "`take` on the memory-mapped Arrow shards",
  "pyarrow-resident": "`take` on the shards, joined in memory into one",
  datasets: "Hugging Face datasets on the memory-mapped Arrow shards",
  streaming: "MosaicML Streaming on its own format, MDS, without workers",
  "streaming-workers": "MosaicML Streaming with 2 worker processes",
  webdataset: "WebDataset on tar files, without workers",
  "webdataset-workers": "WebDataset with 2 worker processes",
};

/** Whether `loader_peers.py` measures a program. */
function isPythonLoader(name: string): boolean {
  return Object.hasOwn(programs, name) && !name.startsWith("cifar5m, ");
}

/** What the column of memory means. */
function describeMemory(names: ReadonlySet<string>): string[] {
  if (![...names].some(isPythonLoader)) {
    return ["**Peak MB**: the most memory that a program's process had resident, memory-mapped files included."];
  }
  return [
    "**Peak MB** is measured in two ways. For the programs in Node (`cifar5m, …`) it is the most memory that the process had",
    "resident, memory-mapped files included (`VmHWM` of Linux). For the loaders in Python it is the same minus the pages of files",
    "and the shared pages that were resident at the end (`RssFile`, `RssShmem`), summed over the process and its workers. So the",
    "figures of the loaders in Python leave out the files that they map into memory, and those of Node leave out nothing.",
  ];
}

/** docs/benchmarks.md, as `npm run bench -- --json docs/benchmarks.json` writes it beside its results. */
export function formatResults({ machine, node, date, tables }: BenchmarkResults): string {
  const names = new Set(tables.flatMap(({ rows }) => rows.map(({ name }) => name)));
  return [
    "# Benchmarks",
    "",
    "This page is generated from [benchmarks.json](benchmarks.json): `npm run bench -- --json docs/benchmarks.json` measures",
    "and writes both.",
    "",
    `Measured on ${date}: ${machine}, Node ${node.replace(/^v/, "")}. Programs take turns, and each figure is the median of its`,
    "rounds. **Ours is**: the speed of our fastest variant divided by that program's speed; above 1 means that ours is faster.",
    "Ratios carry over to other machines better than images per second do. Loaders read 200,000 images in batches of 256;",
    "[python.md](python.md#speed) has 20,000 in batches of 512.",
    "",
    ...describeMemory(names),
    "",
    ...Object.entries(programs).flatMap(([name, meaning]) => (names.has(name) ? [`- \`${name}\`: ${meaning}.`] : [])),
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
