/**
 * Images a second of the loader beside numpy, PyTorch, pyarrow, Hugging Face datasets, MosaicML Streaming and WebDataset
 * where Python has them: shuffled batches of 256, warm cache. Run after a build:
 * `node dist/bench/loader/loader.js [--rounds 5] [--json FILE] [IMAGES]`.
 */

import { spawnSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { median } from "../../core/median.ts";
import { openDataset, verifyDataset } from "../../shards/index.ts";
import { Contender } from "../harness/contender.ts";
import { type BenchmarkRow, type BenchmarkTable, keepResults, readBenchmarkOptions } from "../harness/results.ts";
import { batchSize, writeBenchmarkSet } from "./loader-case.ts";

const ourScript = fileURLToPath(new URL("loader-contestant.js", import.meta.url));
const peersScript = fileURLToPath(new URL("../../../bench/loader/loader_peers.py", import.meta.url));

interface Comparison {
  readonly title: string;
  /** Ours: kind and number of threads. */
  readonly ours: readonly (readonly [kind: string, workers: number])[];
  readonly peers: readonly string[];
  /** How many times the best peer's speed we want. */
  readonly goal: number;
}

const comparisons: readonly Comparison[] = [
  {
    title: "uint8, images stay on disk, fully shuffled",
    ours: [
      ["disk", 0],
      ["disk", 2],
    ],
    peers: ["cifar5m-python", "numpy-map", "torch", "torch-workers", "pyarrow-map", "datasets"],
    goal: 1.5,
  },
  {
    title: "uint8, images stay on disk, shuffled in blocks",
    ours: [
      ["blocked", 0],
      ["blocked", 2],
    ],
    peers: ["cifar5m-python-blocked", "streaming", "streaming-workers", "webdataset", "webdataset-workers"],
    goal: 3,
  },
  {
    title: "uint8, images in memory",
    ours: [
      ["resident", 0],
      ["resident", 2],
    ],
    peers: ["pyarrow-resident"],
    goal: 2,
  },
  {
    title: "float32, flip + crop + normalize, 2 threads or processes",
    ours: [["augmented", 2]],
    peers: ["torch-augmented"],
    goal: 3,
  },
];

/** The package that a reader needs: the first part of its name, where that is not a name of ours. */
function packageOf(peer: string): string {
  const [name] = peer.split("-");
  return name === "cifar5m" ? "numpy" : name!;
}

async function compare(
  { title, ours, peers, goal }: Comparison,
  folder: string,
  numRounds: number,
): Promise<BenchmarkTable> {
  const own = ours.map(
    ([kind, workers]) =>
      new Contender(`cifar5m, ${workers} workers`, process.execPath, [ourScript, kind, folder, String(workers)]),
  );
  const others = peers
    .filter((peer) => spawnSync("python3", ["-c", `import numpy, pyarrow, ${packageOf(peer)}`]).status === 0)
    .map((peer) => new Contender(peer, "python3", [peersScript, peer, folder, String(batchSize)]));
  const all = [...own, ...others];
  try {
    const truth = await own[0]!.check();
    for (const other of others) {
      const sums = await other.check();
      if (sums.join() !== truth.join()) throw new Error(`${other.name} reads ${sums}, we ${truth}`);
    }
    for (const contender of all) await contender.round();
    for (const contender of all) contender.rounds.length = 0;
    for (let round = 0; round < numRounds; round++) for (const contender of all) await contender.round();
    const speedOf = (contender: Contender) => median(contender.rounds.map(({ imagesPerSecond }) => imagesPerSecond));
    const rivals = others.filter(({ name }) => !name.startsWith("cifar5m"));
    const best = Math.max(...rivals.map(speedOf), 0);
    const fastest = Math.max(...own.map(speedOf));
    const rows: BenchmarkRow[] = [];
    console.log(`\n${title}: median of ${numRounds} rounds in turns`);
    console.log(`${"".padEnd(24)}     images/s  × best peer      peak MB`);
    for (const contender of all) {
      const speed = speedOf(contender);
      const peakMb = await contender.finish();
      const cells = [thousands(speed), best > 0 ? (speed / best).toFixed(2) : "", String(peakMb)];
      rows.push({
        name: contender.name,
        imagesPerSecond: speed,
        ...(rivals.includes(contender) ? { ratio: fastest / speed } : {}),
        peakMb,
      });
      console.log(contender.name.padEnd(24) + cells.map((cell) => cell.padStart(13)).join(""));
    }
    const ratio = fastest / best;
    if (best > 0)
      console.log(`goal: ${goal} × the best peer, ${ratio >= goal ? "reached" : "missed"} with ${ratio.toFixed(2)}`);
    return { title, rows };
  } finally {
    for (const contender of all) contender.kill();
  }
}

/** What a trainer waits for besides batches. */
async function measureWaits(folder: string): Promise<void> {
  let startMs = performance.now();
  const { problems, rows } = await verifyDataset(folder);
  console.log(
    `verify ${thousands((1000 * rows) / (performance.now() - startMs))} images/s, ${problems.length} problems`,
  );
  const dataset = await openDataset(folder);
  const options = { regime: "finite", batchSize, epochs: 1000, seed: 1 } as const;
  const state = { ...dataset.loader(options).state(), epoch: 613, position: 256 * 77 };
  startMs = performance.now();
  for await (const _ of dataset.loader({ ...options, state })) break;
  console.log(`first batch after resuming in epoch 613: ${(performance.now() - startMs).toFixed(0)} ms`);
  dataset.close();
}

function thousands(value: number): string {
  return `${Math.round(value / 1000)}k`;
}

async function main(numImages: number, numRounds: number): Promise<readonly BenchmarkTable[]> {
  const folder = await mkdtemp(join(tmpdir(), "cifar5m-bench-"));
  try {
    const startMs = performance.now();
    await writeBenchmarkSet(folder, numImages);
    const speed = (1000 * numImages) / (performance.now() - startMs);
    console.log(`${numImages} images; written at ${thousands(speed)} images/s (random images made, hashed, fsynced)`);
    await measureWaits(folder);
    const tables: BenchmarkTable[] = [];
    for (const comparison of comparisons) tables.push(await compare(comparison, folder, numRounds));
    return tables;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const { positionals, json, numRounds } = readBenchmarkOptions({ rounds: 5, threads: 2 });
await keepResults(json, await main(Number(positionals[0] ?? 200_000), numRounds));
