/**
 * Images a second and peak memory of the U-Net, forward and in training, beside PyTorch where Python has it.
 * Run after a build: `node dist/bench/unet/unet.js [rounds] [threads] [device]`.
 */

import { compareUnet } from "./compare-unet.ts";

const [, , rounds = 7, threads = 2, device = "cpu"] = process.argv;
await compareUnet(device, { numRounds: Number(rounds), numThreads: Number(threads) });
