/**
 * How fast a build can feed a device, measured with models that cost nothing: noise, `sample`, and `build`'s pass of
 * sampling, labeling and fingerprints. Run after a build:
 * `node dist/bench/sampling/sampling.js [--rounds 3] [--json FILE] [DIST]`, where DIST is an earlier build to compare with.
 */

import { spawnSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { median } from "../../core/median.ts";
import { type BenchmarkTable, keepResults, readBenchmarkOptions } from "../harness/results.ts";
import { writeFreeModels } from "./free-models.ts";
import type { Measured, Measurement } from "./sampling-contestant.ts";

const script = fileURLToPath(new URL("sampling-contestant.js", import.meta.url));
const own = fileURLToPath(new URL("../../", import.meta.url));

/** Images of a round; an earlier build gets a part of them, since it is slower. */
const rounds: Readonly<
  Record<Measurement, { readonly title: string; readonly images: number; readonly before: number }>
> = {
  noise: { title: "noise in one thread, images/s", images: 60_000, before: 6000 },
  "call-noise": { title: "noise of 50 calls, images/s", images: 1600, before: 160 },
  sample: { title: "sample, images/s", images: 60_000, before: 10_000 },
  "sample-and-label": { title: "sample, label and fingerprint, images/s", images: 60_000, before: 10_000 },
  original: { title: "sample with 1,000 noisy calls, images/s", images: 96, before: 32 },
};

function run(dist: string, what: Measurement, folder: string, images: number): Measured {
  const { stdout, stderr } = spawnSync(process.execPath, [script, dist, what, folder, String(images)], {
    encoding: "utf8",
  });
  if (stdout === "") throw new Error(stderr);
  return JSON.parse(stdout) as Measured;
}

function describe(name: string, all: readonly Measured[]): string {
  const of = (pick: (measured: Measured) => number) => median(all.map(pick));
  const speed = of(({ imagesPerSecond }) => imagesPerSecond);
  return (
    `  ${name.padEnd(8)} ${speed >= 100 ? Math.round(speed).toLocaleString("en") : speed.toFixed(2)}, ` +
    `${of(({ cpuMicrosPerImage }) => cpuMicrosPerImage).toPrecision(3)} µs of CPU an image, ${of(({ cores }) => cores).toFixed(2)} cores, event loop delay ` +
    `${of(({ delayMs }) => delayMs.p99).toFixed(0)} ms (99%), ${of(({ delayMs }) => delayMs.max).toFixed(0)} ms (most)`
  );
}

function rowOf(name: string, all: readonly Measured[]) {
  return {
    name,
    imagesPerSecond: median(all.map(({ imagesPerSecond }) => imagesPerSecond)),
    peakMb: Math.max(...all.map(({ peakMb }) => peakMb)),
  };
}

const { positionals, numRounds, json } = readBenchmarkOptions({ rounds: 3, threads: 2 });
const [before] = positionals;
const tables: BenchmarkTable[] = [];
const folder = await mkdtemp(join(tmpdir(), "cifar5m-sampling-"));
try {
  await writeFreeModels(folder);
  for (const [key, { title, images, before: imagesBefore }] of Object.entries(rounds)) {
    const what = key as Measurement;
    const ours: Measured[] = [];
    const theirs: Measured[] = [];
    for (let round = 0; round < numRounds; round++) {
      if (before !== undefined) theirs.push(run(before, what, folder, imagesBefore));
      ours.push(run(own, what, folder, images));
    }
    console.log(title);
    if (theirs.length > 0) console.log(describe("before", theirs));
    console.log(describe("now", ours));
    tables.push({ title, rows: [rowOf("cifar5m", ours)] });
    if (theirs.length === 0) continue;
    const ratioOf = (of: (measured: Measured) => number) =>
      median(ours.map((measured, round) => of(measured) / of(theirs[round]!)));
    console.log(
      `  ratio    ${ratioOf(({ imagesPerSecond }) => imagesPerSecond).toFixed(1)}, of images to CPU time ` +
        `${(1 / ratioOf(({ cpuMicrosPerImage }) => cpuMicrosPerImage)).toFixed(1)}`,
    );
  }
  await keepResults(json, tables);
} finally {
  await rm(folder, { recursive: true, force: true });
}
