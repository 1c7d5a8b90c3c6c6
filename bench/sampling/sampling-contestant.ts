/**
 * One measurement of one build of this package, as a process: `node sampling-contestant.js DIST WHAT FOLDER COUNT`. It
 * prints a line of JSON. The measured code is loaded from DIST, so that an earlier build can be measured beside this one.
 */

import { mkdtemp, rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { pathToFileURL } from "node:url";
import type * as Normals from "../../core/normals/fill-float32-normals.ts";
import type * as Random from "../../core/random.ts";
import type * as NoiseMakers from "../../generator/sampling/noise/noise-maker.ts";
import type * as Runtimes from "../../pipeline/models/shipped-runtime.ts";
import type * as Configs from "../../pipeline/run/config.ts";
import type * as RunFolders from "../../pipeline/run/run-folder.ts";
import type { StageContext } from "../../pipeline/run/stage.ts";
import type { Step } from "../../pipeline/run/step.ts";
import type * as Steps from "../../pipeline/steps.ts";

/** What is measured: noise in one thread, noise of many calls as the sampler gets it, and stages with free models. */
export const measurements = ["noise", "call-noise", "sample", "sample-and-label", "original"] as const;
export type Measurement = (typeof measurements)[number];

export interface Measured {
  readonly imagesPerSecond: number;
  /** Of all threads together. It hardly depends on what else the machine does. */
  readonly cpuMicrosPerImage: number;
  /** Cores in use on average. */
  readonly cores: number;
  /** Most resident memory, MB. */
  readonly peakMb: number;
  /** Event loop of the main thread, milliseconds. */
  readonly delayMs: { readonly p99: number; readonly max: number };
}

const [, , dist = "", what = "", folder = "", countText = ""] = process.argv;
const count = Number(countText);
const numbersPerImage = 3072;
const callsAtOnce = 50;

async function load<Module>(path: string): Promise<Module> {
  return (await import(pathToFileURL(resolve(dist, path)).href)) as Module;
}

async function loadIfAny<Module>(path: string): Promise<Module | undefined> {
  return await load<Module>(path).catch(() => undefined);
}

async function measure(numImages: number, work: () => Promise<void> | void): Promise<Measured> {
  const delays = monitorEventLoopDelay({ resolution: 5 });
  delays.enable();
  const [startMs, startCpu] = [performance.now(), process.cpuUsage()];
  await work();
  const spentMs = performance.now() - startMs;
  const { user, system } = process.cpuUsage(startCpu);
  delays.disable();
  return {
    imagesPerSecond: (1000 * numImages) / spentMs,
    cpuMicrosPerImage: (user + system) / numImages,
    cores: (user + system) / 1000 / spentMs,
    peakMb: Math.round(process.resourceUsage().maxRSS / 1024),
    delayMs: { p99: delays.percentile(99) / 1e6, max: delays.max / 1e6 },
  };
}

/** Noise of the first call, in this thread. */
async function measureNoise(): Promise<Measured> {
  const { fillNormals } = await load<typeof Random>("core/random.js");
  const fast = await loadIfAny<typeof Normals>("core/normals/fill-float32-normals.js");
  const x = new Float32Array(numbersPerImage);
  const fill = (id: number) => {
    const source = { seed: 1, stream: 0 as const, id };
    if (fast !== undefined) fast.fillFloat32Normals(source, x, 80);
    else {
      fillNormals(source, x);
      x.map((value) => value * 80);
    }
  };
  for (let id = 0; id < 500; id++) fill(id);
  return await measure(count, () => {
    for (let id = 0; id < count; id++) fill(id);
  });
}

/** Noise of `count` images and 50 calls, batch by batch, as a run of a stochastic sampler needs it. */
async function measureCallNoise(): Promise<Measured> {
  const { fillNormals } = await load<typeof Random>("core/random.js");
  const makers = await loadIfAny<typeof NoiseMakers>("generator/sampling/noise/noise-maker.js");
  const batch = 16;
  const ids = Array.from({ length: batch }, (_, index) => index);
  const skips = Array.from({ length: callsAtOnce }, (_, call) => call * numbersPerImage);
  const numBatches = Math.ceil(count / batch);
  const numNumbers = callsAtOnce * batch * numbersPerImage;
  if (makers === undefined) {
    return await measure(numBatches * batch, () => {
      for (let turn = 0; turn < numBatches; turn++) {
        const noise = new Float32Array(numNumbers);
        for (const [call, skip] of skips.entries()) {
          for (const [index, id] of ids.entries()) {
            const from = (call * batch + index) * numbersPerImage;
            fillNormals({ seed: 1, stream: 9, id, skip }, noise.subarray(from, from + numbersPerImage));
          }
        }
      }
    });
  }
  const maker = new makers.NoiseMaker(2);
  const out = new Float32Array(new SharedArrayBuffer(4 * numNumbers));
  const fill = () => maker.fill({ seed: 1, stream: 9, ids, skips, factor: 1, out });
  await fill();
  const measured = await measure(numBatches * batch, async () => {
    for (let turn = 0; turn < numBatches; turn++) await fill();
  });
  await maker.close();
  return measured;
}

/** A step of a build with models that cost nothing, in a new run folder. */
async function measureStage(): Promise<Measured> {
  const steps = await load<typeof Steps>("pipeline/steps.js");
  const { resolveConfig } = await load<typeof Configs>("pipeline/run/config.js");
  const { runFolderAt } = await load<typeof RunFolders>("pipeline/run/run-folder.js");
  const { shippedRuntime } = await load<typeof Runtimes>("pipeline/models/shipped-runtime.js");
  const root = await mkdtemp(join(folder, "run-"));
  const sampler =
    what === "original"
      ? { name: "ddpm", steps: 1000, schedule: "linear-beta", conditional: false }
      : { name: "ddim", steps: 1, conditional: false };
  const config = resolveConfig({ count, testCount: 0, unitSize: 10_000, sampler });
  const options = { folder: runFolderAt(root), config, runtime: shippedRuntime, takeOver: false };
  const context: StageContext = {
    rank: 0,
    worldSize: 1,
    signal: new AbortController().signal,
    count: () => undefined,
    show: () => undefined,
  };
  const run = async (step: Step) => {
    for await (const _ of step.run(context)) context.signal.throwIfAborted();
  };
  try {
    await run(steps.importStep(options, "generator", join(folder, "free-generator.onnx")));
    await run(steps.importStep(options, "labeler", join(folder, "free-labeler.onnx")));
    return await measure(count, async () => {
      if (what !== "sample-and-label") await run(steps.sampleStep(options));
      else if ("sampleAndLabelStep" in steps) await run(steps.sampleAndLabelStep(options));
      else {
        const { sampleStep, labelStep, fingerprintStep } = steps as typeof Steps;
        for (const step of [sampleStep, labelStep, fingerprintStep]) await run(step(options));
      }
    });
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}

const measured =
  what === "noise" ? await measureNoise() : what === "call-noise" ? await measureCallNoise() : await measureStage();
process.stdout.write(`${JSON.stringify(measured)}\n`);
process.exit();
