/**
 * Images a second and peak memory of the U-Net, forward and in training, beside PyTorch where Python has it.
 * Run after a build: `node dist/scripts/bench/unet.js [rounds] [threads]`.
 */

import { spawnSync } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { totalSize } from "../../engine/parameters.ts";
import { Contender, median, type Speed } from "./contender.ts";
import { batchSize, benchmarkProgram, writeCase } from "./unet-case.ts";

const ourScript = fileURLToPath(new URL("unet-contestant.js", import.meta.url));
const torchScript = fileURLToPath(new URL("../../../scripts/bench/unet_torch.py", import.meta.url));

interface Comparison {
  readonly kind: "forward" | "train";
  readonly title: string;
  readonly peers: readonly string[];
  /** The peers that goals are about, and how many times their speed they ask for. */
  readonly goals: readonly { readonly peer: string; readonly ratio: number }[];
}

interface Effort {
  readonly numRounds: number;
  readonly numThreads: number;
}

const comparisons: readonly Comparison[] = [
  {
    kind: "forward",
    title: "U-Net forward",
    peers: ["eager", "channels-last", "compile", "compile-bf16"],
    goals: [
      { peer: "compile", ratio: 1.3 },
      { peer: "compile-bf16", ratio: 1 },
    ],
  },
  {
    kind: "train",
    title: "U-Net training step (loss, backward, clipping, AdamW, EMA)",
    peers: ["channels-last"],
    goals: [{ peer: "channels-last", ratio: 1 }],
  },
];

async function compare(
  { kind, title, peers, goals }: Comparison,
  casePath: string,
  { numRounds, numThreads }: Effort,
): Promise<void> {
  const ours = new Contender("cifar5m (onnxruntime)", process.execPath, [
    ourScript,
    kind,
    String(numThreads),
    casePath,
  ]);
  const others = peers.map(
    (peer) => new Contender(`torch ${peer}`, "python3", [torchScript, kind, peer, String(numThreads), casePath]),
  );
  const all = [ours, ...others];
  try {
    const truth = await ours.check();
    const differences = new Map<string, number>();
    for (const other of others) differences.set(other.name, largestDifference(truth, await other.check()));
    // The first round of each warms up allocators and caches.
    for (const contender of all) await contender.round();
    for (const contender of all) contender.rounds.length = 0;
    for (let round = 0; round < numRounds; round++) for (const contender of all) await contender.round();
    console.log(`\n${title}, batch ${batchSize}, ${numThreads} threads, median of ${numRounds} rounds in turns`);
    console.log(row("", "images/s", "ratio", "CPU ms/image", "ratio", "peak MB", "difference"));
    for (const contender of all) {
      const ratio = (key: keyof Speed) => (contender === ours ? "" : ratioOf(ours, contender, key).toFixed(2));
      console.log(
        row(
          contender.name,
          median(contender.rounds.map(({ imagesPerSecond }) => imagesPerSecond)).toFixed(1),
          ratio("imagesPerSecond"),
          median(contender.rounds.map(({ cpuMsPerImage }) => cpuMsPerImage)).toFixed(1),
          ratio("cpuMsPerImage"),
          String(await contender.finish()),
          differences.get(contender.name)?.toExponential(1) ?? "",
        ),
      );
    }
    for (const { peer, ratio: wanted } of goals) {
      const aim = others.find(({ name }) => name === `torch ${peer}`);
      if (aim === undefined) continue;
      const ratio = ratioOf(ours, aim, "imagesPerSecond");
      console.log(`goal: ${wanted} × ${aim.name}, ${ratio >= wanted ? "reached" : "missed"} with ${ratio.toFixed(2)}`);
    }
    for (const [name, difference] of differences) {
      const allowed = name.endsWith("bf16") ? 0.1 : 1e-4;
      if (!(difference < allowed)) {
        throw new Error(`${title}: the difference to ${name} must be below ${allowed}, got ${difference}.`);
      }
    }
  } finally {
    for (const contender of all) contender.kill();
  }
}

function row(name: string, ...cells: readonly string[]): string {
  return name.padEnd(24) + cells.map((cell) => cell.padStart(13)).join("");
}

/** Median over rounds of the ratio within a round, which a load that comes and goes disturbs least. */
function ratioOf(ours: Contender, other: Contender, key: keyof Speed): number {
  return median(ours.rounds.map((speed, round) => speed[key] / other.rounds[round]![key]));
}

/** Largest difference of two results, relative to the largest value where that is above 1. */
function largestDifference(a: Float32Array, b: Float32Array): number {
  if (a.length !== b.length) return Number.POSITIVE_INFINITY;
  const scale = Math.max(1, ...a.map(Math.abs));
  return a.reduce((largest, value, index) => Math.max(largest, Math.abs(value - b[index]!) / scale), 0);
}

function torchVersion(): string | undefined {
  const { status, stdout } = spawnSync("python3", ["-c", "import torch; print(torch.__version__)"]);
  return status === 0 ? stdout.toString().trim() : undefined;
}

async function main(effort: Effort): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "cifar5m-bench-"));
  try {
    const program = benchmarkProgram();
    const casePath = join(folder, "case.safetensors");
    await writeFile(casePath, writeCase(program));
    const torch = torchVersion();
    console.log(
      `U-Net of ${(totalSize(program.parameters) / 1e6).toFixed(1)} M parameters on 32×32 images; ` +
        `${cpus().length} × ${cpus()[0]?.model ?? "CPU"}; ${torch === undefined ? "no PyTorch here" : `PyTorch ${torch}`}`,
    );
    for (const comparison of comparisons) {
      await compare(torch === undefined ? { ...comparison, peers: [] } : comparison, casePath, effort);
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const [, , rounds = 7, threads = 2] = process.argv;
await main({ numRounds: Number(rounds), numThreads: Number(threads) });
