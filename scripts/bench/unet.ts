/**
 * Images a second and peak memory of the U-Net, forward and in training, beside PyTorch where Python has it.
 * Run after a build: `node dist/scripts/bench/unet.js [rounds] [threads]`.
 */

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { totalSize } from "../../engine/parameters.ts";
import { probeTarget } from "../../pipeline/doctor/probe-target.ts";
import { compare, type Effort, torchVersion } from "./comparison.ts";
import { batchSize, benchmarkProgram, writeCase } from "./unet-case.ts";

const comparisons = [
  {
    kind: "forward",
    title: "U-Net forward",
    variants: ["eager", "channels-last", "compile", "compile-bf16"],
    goals: [
      { variant: "compile", ratio: 1.3 },
      { variant: "compile-bf16", ratio: 1 },
    ],
  },
  {
    kind: "train",
    title: "U-Net training step (loss, backward, clipping, AdamW, EMA)",
    variants: ["channels-last"],
    goals: [{ variant: "channels-last", ratio: 1 }],
  },
];

/** Plain JavaScript would take minutes for a round. */
async function hasNativeTensorFlow(): Promise<boolean> {
  const target = { engine: "tfjs", device: "cpu", packageName: "@tensorflow/tfjs-node" } as const;
  return (await probeTarget({ target }, new AbortController().signal)).usable;
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
    const threads = String(effort.numThreads);
    for (const { kind, title, variants, goals } of comparisons) {
      const comparison = {
        title: `${title}, batch ${batchSize}`,
        ours: ["unet-contestant.js", kind, threads, casePath],
        theirs: (variant: string) => ["unet_torch.py", kind, variant, threads, casePath],
        variants: torch === undefined ? [] : variants,
        alsoOurs:
          kind === "forward" && (await hasNativeTensorFlow())
            ? { "cifar5m (tfjs-node)": ["unet-contestant.js", kind, threads, casePath, "tfjs"] }
            : {},
        goals,
      };
      await compare(comparison, effort);
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const [, , rounds = 7, threads = 2] = process.argv;
await main({ numRounds: Number(rounds), numThreads: Number(threads) });
