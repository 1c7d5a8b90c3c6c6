/**
 * All that is to be known of a device, in one run: whether its images are the CPU's, how fast the U-Net is beside PyTorch on it,
 * how long six million images take, and how fast a training goes, which it leaves with its checkpoints.
 * Run after a build: `node dist/bench/device.js DEVICE FOLDER [--data DIR] [--minutes 5] [--rounds 5] [-- FLAGS]`;
 * the flags go to `train generator`. Everything is in FOLDER/device.json too, what was found so far from the first step on.
 */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { messageOf } from "../core/errors.ts";
import { precisions } from "../engine/executor.ts";
import { probeTarget } from "../pipeline/doctor/probe-target.ts";
import { trialOf } from "../pipeline/models/auto-batched-sampler.ts";
import { findBatchSize } from "../pipeline/models/find-batch-size.ts";
import { shippedRuntime } from "../pipeline/models/shipped-runtime.ts";
import { type Config, resolveConfig } from "../pipeline/run/config.ts";
import { recipes } from "../pipeline/run/recipes.ts";
import { runFolderAt } from "../pipeline/run/run-folder.ts";
import { requestFrom } from "../pipeline/run/sample-request.ts";
import { shippedModel } from "../pipeline/run/shipped-files.ts";
import { readTrainingLog } from "../storage/training-store.ts";
import { compareUnet, nativeTfjs } from "./unet/compare-unet.ts";

interface Plan {
  readonly device: string;
  readonly folder: string;
  readonly data: string | undefined;
  readonly minutes: number;
  readonly rounds: number;
  readonly trainFlags: readonly string[];
}

const numParityImages = 64;
const numWanted = 6_000_000;

const samplers = {
  fast: recipes.fast.sampler,
  "fast, guidance 3": { ...recipes.fast.sampler, guidance: 3 },
  tuned: recipes.tuned.sampler,
};

/** Where images are computed, and how. */
type Execution = Pick<Config, "engine" | "device" | "precision">;

function configOf(sampler: object, keys: Partial<Execution>): Config {
  return resolveConfig({ ...keys, sampler });
}

async function open(config: Config) {
  return await shippedRuntime.openSampler(config, await readFile(shippedModel("generator", config)));
}

/** The images that devices are compared by, of ids 0, 1, 2, …: uint8 [N, 32, 32, 3]. */
async function sampleForParity(config: Config): Promise<Uint8Array> {
  const sampler = await open(config);
  try {
    return await sampler.sample(requestFrom(0, numParityImages, config.sampler));
  } finally {
    await sampler.close();
  }
}

/** How far the bytes of some images are from others of the same noise. */
async function measureParity(truth: Uint8Array, keys: Execution) {
  const images = await sampleForParity(configOf(samplers.fast, keys));
  let [total, largest] = [0, 0];
  images.forEach((byte, index) => {
    const difference = Math.abs(byte - truth[index]!);
    total += difference;
    largest = Math.max(largest, difference);
  });
  return { ...keys, meanDifference: total / images.length, largestDifference: largest };
}

async function measureSampling(config: Config) {
  const isCpu = config.device === "cpu";
  const { batchSize, imagesPerSecond } = await findBatchSize({
    start: isCpu ? 16 : 64,
    most: isCpu ? 16 : 4096,
    milliseconds: 3000,
    open: async (size) =>
      trialOf(await open({ ...config, sampler: { ...config.sampler, batchSize: size } }), config.sampler),
  });
  return { batchSize, imagesPerSecond, hoursForSixMillion: numWanted / imagesPerSecond / 3600 };
}

/** Trains for some minutes by the command line, which keeps a checkpoint when it is interrupted. */
async function train({ device, folder, minutes, trainFlags }: Plan, data: string) {
  const root = join(folder, "training");
  const cli = (...args: string[]) => {
    const program = fileURLToPath(new URL("../scripts/cifar5m.js", import.meta.url));
    return spawn(process.execPath, [program, ...args, "--run", root], { stdio: "inherit" });
  };
  const [fetched] = await once(cli("fetch", "--data", data), "exit");
  if (fetched !== 0) throw new Error(`fetch ended with exit code ${fetched}`);
  const training = cli("train", "generator", "--device", device, ...trainFlags);
  const timer = setTimeout(() => training.kill("SIGINT"), 60_000 * minutes);
  const [code] = await once(training, "exit");
  clearTimeout(timer);
  const log = await readTrainingLog(runFolderAt(root).training("generator"));
  const last = log.slice(-Math.max(1, Math.floor(log.length / 10)));
  const meanOf = (key: "loss" | "imagesPerSecond") => last.reduce((total, line) => total + line[key], 0) / last.length;
  return { exitCode: code, steps: log.at(-1)?.step, loss: meanOf("loss"), imagesPerSecond: meanOf("imagesPerSecond") };
}

async function main(plan: Plan): Promise<void> {
  const { device, folder, rounds, data } = plan;
  await mkdir(folder, { recursive: true });
  const found: Record<string, unknown> = { device };
  const note = async (key: string, value: unknown) => {
    found[key] = value;
    await writeFile(join(folder, "device.json"), `${JSON.stringify(found, undefined, 2)}\n`);
  };
  const { signal } = new AbortController();
  const probe = await probeTarget({ target: { engine: "onnxruntime", device } }, signal);
  if (!probe.usable) throw new Error(`onnxruntime cannot use ${device} here: ${probe.reason}`);
  const engines: Execution[] = precisions.map((precision) => ({ engine: "onnxruntime", device, precision }));
  const second = nativeTfjs(device);
  if (second !== undefined) {
    const answer = await probeTarget({ target: second }, signal);
    await note("tfjs", answer);
    if (answer.usable) engines.push({ engine: second.engine, device: second.device, precision: "float32" });
  }

  const truth = await sampleForParity(configOf(samplers.fast, {}));
  const parity: unknown[] = [];
  for (const keys of engines) {
    const differences = await measureParity(truth, keys);
    parity.push(differences);
    const { meanDifference, largestDifference } = differences;
    console.log(
      `${keys.engine} on ${keys.device}, ${keys.precision}: ${numParityImages} images differ from the CPU's by ` +
        `${meanDifference.toFixed(3)} of 255 in the mean, ${largestDifference} at most`,
    );
  }
  await note("parity", parity);

  await note("unet", await compareUnet(device, { numRounds: rounds, numThreads: availableParallelism() }));

  const speeds: unknown[] = [];
  for (const [name, sampler] of Object.entries(samplers)) {
    for (const keys of engines) {
      const speed = await measureSampling(configOf(sampler, keys));
      speeds.push({ name, ...keys, ...speed });
      console.log(
        `${name}, ${keys.engine}, ${keys.precision}: ${speed.imagesPerSecond.toFixed(1)} images/s in batches of ` +
          `${speed.batchSize}: ${speed.hoursForSixMillion.toFixed(2)} hours for six million`,
      );
      await note("sampling", speeds);
    }
  }
  if (data !== undefined) await note("training", await train(plan, data));
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    data: { type: "string" },
    minutes: { type: "string", default: "5" },
    rounds: { type: "string", default: "5" },
  },
});
const [device, folder, ...trainFlags] = positionals;
const [minutes, rounds] = [values.minutes, values.rounds].map(Number) as [number, number];
if (device === undefined || folder === undefined || !(minutes > 0) || !(rounds >= 1)) {
  console.error("usage: device.js DEVICE FOLDER [--data DIR] [--minutes 5] [--rounds 5] [-- FLAGS of train generator]");
  process.exitCode = 2;
} else {
  try {
    await main({ device, folder, data: values.data, minutes, rounds, trainFlags });
  } catch (thrown) {
    console.error(messageOf(thrown));
    process.exitCode = 1;
  }
}
