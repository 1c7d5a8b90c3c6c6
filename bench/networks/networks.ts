/**
 * Images a second and peak memory of a training step of two experiment networks, beside PyTorch where Python has it, and
 * what part of a step waits for the loader.
 * Run after a build: `node dist/bench/networks/networks.js [--rounds 7] [--threads 2] [--json FILE] [PRESET…]`.
 */

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { runOptionsSchema } from "../../experiments/run-options.ts";
import { batchesFrom } from "../../experiments/worlds.ts";
import { openDataset } from "../../shards/index.ts";
import { type ComparisonResult, compare, type Effort, tableOf, torchVersion } from "../harness/comparison.ts";
import { keepResults, readBenchmarkOptions } from "../harness/results.ts";
import { writeBenchmarkSet } from "../loader/loader-case.ts";
import { batchSize, writeCase } from "./networks-case.ts";

/** Batches that the loader's time is taken over. */
const numBatches = 300;

async function compareNetworks(networks: readonly string[], effort: Effort): Promise<readonly ComparisonResult[]> {
  const results: ComparisonResult[] = [];
  const folder = await mkdtemp(join(tmpdir(), "cifar5m-bench-"));
  try {
    const torch = torchVersion();
    const versions = torch === undefined ? "no PyTorch here" : `PyTorch ${torch}`;
    const stepMs = new Map<string, number>();
    console.log(`Experiment networks on 32×32 images; ${cpus().length} × ${cpus()[0]?.model ?? "CPU"}; ${versions}`);
    const threads = String(effort.numThreads);
    for (const network of networks) {
      const casePath = join(folder, `${network}.safetensors`);
      await writeFile(casePath, writeCase(network));
      const comparison = {
        title: `${network}, training step (loss, backward, SGD with momentum), batch ${batchSize}`,
        ours: ["networks/networks-contestant.js", threads, casePath],
        theirs: (variant: string) => ["networks/networks_torch.py", variant, threads, casePath],
        variants: torch === undefined ? [] : ["eager", "channels-last"],
        goals: [{ variant: "channels-last", ratio: 0.8 }],
      };
      const result = await compare(comparison, effort);
      stepMs.set(network, (1000 * batchSize) / result.contenders[0]!.imagesPerSecond);
      results.push(result);
    }
    await reportLoaderShare(folder, stepMs);
    return results;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Reads fresh batches as the ideal world does, on the thread that starts the steps, and compares with the steps' time. */
async function reportLoaderShare(folder: string, stepMs: ReadonlyMap<string, number>): Promise<void> {
  const location = join(folder, "dataset");
  await writeBenchmarkSet(location, (numBatches + 1) * batchSize);
  const train = await openDataset(location);
  console.log(`\nloader, batch ${batchSize}, from disk: wall time a batch, and as part of a step with it`);
  for (const augmentation of ["none", "crop-flip", "mixup"] as const) {
    const options = runOptionsSchema.parse({ network: "mlp-small", world: "ideal", batchSize, augmentation });
    const batches = batchesFrom({ train, live: undefined }, options, 0)[Symbol.asyncIterator]();
    await batches.next();
    const start = performance.now();
    for (let batch = 0; batch < numBatches; batch++) await batches.next();
    const loaderMs = (performance.now() - start) / numBatches;
    await batches.return?.();
    const shares = [...stepMs].map(([network, ms]) => `${network} ${((100 * loaderMs) / (ms + loaderMs)).toFixed(2)}%`);
    console.log(`${augmentation.padEnd(10)} ${loaderMs.toFixed(2)} ms: ${shares.join(", ")}`);
  }
  train.close();
}

const { positionals, json, ...effort } = readBenchmarkOptions({ rounds: 7, threads: 2 });
const results = await compareNetworks(positionals.length > 0 ? positionals : ["resnet18k-small", "vit-small"], effort);
await keepResults(json, results.map(tableOf));
