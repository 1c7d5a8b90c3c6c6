/**
 * Images a second and peak memory of the U-Net, forward and in training, beside PyTorch where Python has it.
 * Run after a build: `node dist/bench/unet/unet.js [--rounds 7] [--threads 2] [--json FILE] [DEVICE]`.
 */

import { tableOf } from "../harness/comparison.ts";
import { keepResults, readBenchmarkOptions } from "../harness/results.ts";
import { compareUnet } from "./compare-unet.ts";

const { positionals, json, ...effort } = readBenchmarkOptions({ rounds: 7, threads: 2 });
const results = await compareUnet(positionals[0] ?? "cpu", effort);
await keepResults(json, results.map(tableOf));
