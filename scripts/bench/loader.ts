/**
 * Images a second of the loader, in both regimes, beside pyarrow and Hugging Face datasets where Python has them.
 * Run after a build: `node dist/scripts/bench/loader.js [images]`.
 */

import { execFileSync, spawnSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { cifar10ClassNames } from "../../core/image-layout.ts";
import { fillBits, randomStreams } from "../../core/random.ts";
import {
  commitFile,
  type Dataset,
  hashConfig,
  type LoaderOptions,
  openDataset,
  type ShardEntry,
  verifyDataset,
  writeManifest,
  writeShard,
} from "../../shards/index.ts";

const rowsPerShard = 10_000;
const batchSize = 256;
const secondsPerCase = 1.5;
const peersScript = fileURLToPath(new URL("../../../scripts/bench/loader_peers.py", import.meta.url));

async function writeShards(folder: string, numImages: number): Promise<void> {
  const shards: ShardEntry[] = [];
  for (let start = 0; start < numImages; start += rowsPerShard) {
    const rows = Math.min(rowsPerShard, numImages - start);
    const bits = new Uint32Array((rows * 3072) / 4);
    fillBits({ seed: 1, stream: randomStreams.sampleNoise, id: start }, bits);
    const probabilities = new Float32Array(rows * 10);
    for (let row = 0; row < rows; row++) probabilities[row * 10] = 1;
    const label = new Uint8Array(rows);
    const chunk = {
      id: Float64Array.from({ length: rows }, (_, row) => start + row),
      image: new Uint8Array(bits.buffer),
      label,
      class: label,
      confidence: new Float32Array(rows).fill(1),
      probabilities,
    };
    const file = `train/part-${String(shards.length).padStart(5, "0")}.arrow`;
    const { bytes, sha256 } = await commitFile(join(folder, file), async (sink) => {
      await writeShard(sink, [chunk]);
    });
    shards.push({ file, rows, bytes, sha256, idStart: start, idEnd: start + rows });
  }
  const noCounts = cifar10ClassNames.map(() => 0);
  await writeManifest(folder, {
    name: "benchmark",
    classNames: [...cifar10ClassNames],
    imageShape: [32, 32, 3],
    splits: {
      train: { rows: numImages, shards, classCounts: noCounts.with(0, numImages) },
      test: { rows: 0, shards: [], classCounts: noCounts },
    },
    configHash: hashConfig({}),
    config: {},
    models: {},
    removals: {},
    createdBy: "cifar5m benchmark",
  });
}

/** Images a second, and images a CPU second, which says more on a busy machine. */
type Speed = readonly [wall: number, cpu: number];

/** The speed after one pass that warms the caches up, which counts for neither side. */
async function measure(dataset: Dataset, options: LoaderOptions): Promise<Speed> {
  let numImages = 0;
  let startMs = performance.now();
  let startCpu = process.cpuUsage();
  for (let pass = 0; pass === 0 || performance.now() - startMs < 1000 * secondsPerCase; pass++) {
    const loader = dataset.loader({ ...options, seed: pass });
    let count = 0;
    for await (const { ids } of loader) {
      numImages += ids.length;
      // One more batch would exhaust the infinite regime.
      if (++count === loader.numBatches) break;
    }
    if (pass > 0) continue;
    numImages = 0;
    startMs = performance.now();
    startCpu = process.cpuUsage();
  }
  const { user, system } = process.cpuUsage(startCpu);
  return [(1000 * numImages) / (performance.now() - startMs), (1e6 * numImages) / (user + system)];
}

function runPeers(folder: string): Record<string, Speed> {
  if (spawnSync("python3", ["-c", "import pyarrow, datasets, numpy"]).status !== 0) return {};
  const peers = execFileSync("python3", [
    peersScript,
    join(folder, "train"),
    String(batchSize),
    String(secondsPerCase),
  ]);
  return JSON.parse(peers.toString()) as Record<string, Speed>;
}

function printSpeeds(ours: Record<string, Speed>, peers: Record<string, Speed>): void {
  const bestWall = Math.max(...Object.values(peers).map(([wall]) => wall));
  const bestCpu = Math.max(...Object.values(peers).map(([, cpu]) => cpu));
  const ratio = (speed: number, best: number) => (best > 0 ? ` (${(speed / best).toFixed(2)} × best peer)` : "");
  for (const [name, [wall, cpu]] of Object.entries({ ...ours, ...peers })) {
    console.log(
      `${name.padEnd(40)} ${thousands(wall)} images/s${ratio(wall, bestWall)}, ` +
        `${thousands(cpu)} images a CPU second${ratio(cpu, bestCpu)}`,
    );
  }
}

async function main(numImages: number): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "cifar5m-bench-"));
  try {
    let startMs = performance.now();
    await writeShards(folder, numImages);
    console.log(`write     ${rate(numImages, startMs)} (random images made, hashed, fsynced)`);
    startMs = performance.now();
    const { problems, rows } = await verifyDataset(folder);
    console.log(`verify    ${rate(rows, startMs)}, ${problems.length} problems`);
    const resident = await openDataset(folder, { memoryBytes: 4 * 2 ** 30 });
    const onDisk = await openDataset(folder, { memoryBytes: 0 });
    const cached = await openDataset(folder, { memoryBytes: Math.ceil(numImages / 5) * 3072 });
    const subset = Math.floor(numImages / 5);
    const [infinite, finite] = [
      { regime: "infinite", batchSize },
      { regime: "finite", batchSize, epochs: 2 },
    ] as const;
    const kept = { ...finite, epochs: 4, numSamples: subset };
    const ours: Record<string, Speed> = {
      "infinite, read from disk": await measure(onDisk, infinite),
      [`finite, N = ${subset} kept`]: await measure(cached, kept),
      "infinite, resident": await measure(resident, infinite),
      "finite, resident": await measure(resident, finite),
      "infinite, read from disk, reuseArrays": await measure(onDisk, { ...infinite, reuseArrays: true }),
      [`finite, N = ${subset} kept, reuseArrays`]: await measure(cached, { ...kept, reuseArrays: true }),
      "infinite, resident, reuseArrays": await measure(resident, { ...infinite, reuseArrays: true }),
      "finite, resident, reuseArrays": await measure(resident, { ...finite, reuseArrays: true }),
    };
    const peakMb = Math.round(process.resourceUsage().maxRSS / 1000);
    for (const dataset of [resident, onDisk, cached]) dataset.close();
    printSpeeds(ours, runPeers(folder));
    console.log(
      `shuffled batches of ${batchSize}, ${numImages} images, warm cache; peak memory ${peakMb} MB (all our cases)`,
    );
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function rate(count: number, startMs: number): string {
  return `${thousands((1000 * count) / (performance.now() - startMs))} images/s`;
}

function thousands(value: number): string {
  return `${Math.round(value / 1000)}k`.padStart(6);
}

await main(Number(process.argv[2] ?? 50_000));
