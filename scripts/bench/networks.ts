/**
 * Images a second and peak memory of a training step of two experiment networks, beside PyTorch where Python has it.
 * Run after a build: `node dist/scripts/bench/networks.js [rounds] [threads] [preset…]`.
 */

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { compare, type Effort, torchVersion } from "./comparison.ts";
import { batchSize, writeCase } from "./networks-case.ts";

async function main(networks: readonly string[], effort: Effort): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "cifar5m-bench-"));
  try {
    const torch = torchVersion();
    const versions = torch === undefined ? "no PyTorch here" : `PyTorch ${torch}`;
    console.log(`Experiment networks on 32×32 images; ${cpus().length} × ${cpus()[0]?.model ?? "CPU"}; ${versions}`);
    const threads = String(effort.numThreads);
    for (const network of networks) {
      const casePath = join(folder, `${network}.safetensors`);
      await writeFile(casePath, writeCase(network));
      const comparison = {
        title: `${network}, training step (loss, backward, SGD with momentum), batch ${batchSize}`,
        ours: ["networks-contestant.js", threads, casePath],
        theirs: (variant: string) => ["networks_torch.py", variant, threads, casePath],
        variants: torch === undefined ? [] : ["eager", "channels-last"],
        goals: [{ variant: "channels-last", ratio: 0.8 }],
      };
      await compare(comparison, effort);
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const [, , rounds = 7, threads = 2, ...networks] = process.argv;
await main(networks.length > 0 ? networks : ["resnet18k-small", "vit-small"], {
  numRounds: Number(rounds),
  numThreads: Number(threads),
});
