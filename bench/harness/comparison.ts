/** Our contender beside PyTorch's: results compared, rounds in turns, one table. */

import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { median } from "../../core/median.ts";
import { Contender, type Speed } from "./contender.ts";
import type { BenchmarkTable } from "./results.ts";

export interface Comparison {
  readonly title: string;
  /** Compiled script of our side beside this file, and its arguments. */
  readonly ours: readonly string[];
  /** Python script in bench/, and its arguments for a variant. */
  readonly theirs: (variant: string) => readonly string[];
  readonly variants: readonly string[];
  /** Further contenders of ours, by name, with script and arguments as `ours`. */
  readonly alsoOurs?: Readonly<Record<string, readonly string[]>>;
  /** The variants that goals are about, and how many times their speed they ask for. */
  readonly goals: readonly { readonly variant: string; readonly ratio: number }[];
  /** Largest difference from our result, relative to the largest value; a contender in 16 bits may have more. */
  readonly tolerance?: number;
}

/** What a contender did, with ratios to ours: above 1 is in our favor for speed. */
export interface ContenderResult extends Speed {
  readonly name: string;
  readonly speedRatio: number;
  readonly peakMb: number;
  readonly difference: number;
}

export interface ComparisonResult {
  readonly title: string;
  readonly contenders: readonly ContenderResult[];
}

/** A comparison as it is kept. */
export function tableOf({ title, contenders }: ComparisonResult): BenchmarkTable {
  const rows = contenders.map(({ name, imagesPerSecond, speedRatio, peakMb }, index) => ({
    name,
    imagesPerSecond,
    ...(index === 0 ? {} : { ratio: speedRatio }),
    peakMb,
  }));
  return { title, rows };
}

export interface Effort {
  readonly numRounds: number;
  readonly numThreads: number;
}

/** @throws Error when a result of a contender differs by more than the tolerance from ours */
export async function compare(
  { title, ours: ourArgs, theirs, variants, alsoOurs = {}, goals, tolerance = 1e-4 }: Comparison,
  { numRounds, numThreads }: Effort,
): Promise<ComparisonResult> {
  const ours = new Contender("cifar5m (onnxruntime)", process.execPath, withPath(ourArgs, "../"));
  const torches = variants.map(
    (variant) => new Contender(`torch ${variant}`, "python3", withPath(theirs(variant), "../../../bench/")),
  );
  const others = [
    ...torches,
    ...Object.entries(alsoOurs).map(([name, args]) => new Contender(name, process.execPath, withPath(args, "../"))),
  ];
  const all = [ours, ...others];
  try {
    const truth = await ours.check();
    const differences = new Map<string, number>();
    for (const other of others) differences.set(other.name, largestDifference(truth, await other.check()));
    // The first round of each warms up allocators and caches.
    for (const contender of all) await contender.round();
    for (const contender of all) contender.rounds.length = 0;
    for (let round = 0; round < numRounds; round++) for (const contender of all) await contender.round();
    const threads = numThreads === 1 ? "1 thread" : `${numThreads} threads`;
    console.log(`\n${title}, ${threads}, median of ${numRounds} rounds in turns`);
    console.log(row("", "images/s", "ratio", "CPU ms/image", "ratio", "peak MB", "difference"));
    const results: ContenderResult[] = [];
    for (const contender of all) {
      const ratio = (key: keyof Speed) => (contender === ours ? "" : ratioOf(ours, contender, key).toFixed(2));
      const result = {
        name: contender.name,
        imagesPerSecond: median(contender.rounds.map(({ imagesPerSecond }) => imagesPerSecond)),
        speedRatio: ratioOf(ours, contender, "imagesPerSecond"),
        cpuMsPerImage: median(contender.rounds.map(({ cpuMsPerImage }) => cpuMsPerImage)),
        peakMb: await contender.finish(),
        difference: differences.get(contender.name) ?? 0,
      };
      results.push(result);
      console.log(
        row(
          result.name,
          result.imagesPerSecond.toFixed(1),
          ratio("imagesPerSecond"),
          result.cpuMsPerImage.toFixed(1),
          ratio("cpuMsPerImage"),
          String(result.peakMb),
          contender === ours ? "" : result.difference.toExponential(1),
        ),
      );
    }
    for (const goal of goals) {
      const aim = others.find(({ name }) => name === `torch ${goal.variant}`);
      if (aim === undefined) continue;
      const ratio = ratioOf(ours, aim, "imagesPerSecond");
      const verdict = ratio >= goal.ratio ? "reached" : "missed";
      console.log(`goal: ${goal.ratio} × ${aim.name}, ${verdict} with ${ratio.toFixed(2)}`);
    }
    for (const [name, difference] of differences) {
      const allowed = /bf16|mixed/.test(name) ? 0.1 : tolerance;
      if (difference < allowed) continue;
      throw new Error(`${title}: the difference to ${name} must be below ${allowed}, got ${difference}.`);
    }
    return { title, contenders: results };
  } finally {
    for (const contender of all) contender.kill();
  }
}

function withPath([script, ...args]: readonly string[], folder: string): string[] {
  return [fileURLToPath(new URL(`${folder}${script}`, import.meta.url)), ...args];
}

function row(name: string, ...cells: readonly string[]): string {
  return name.padEnd(24) + cells.map((cell) => cell.padStart(13)).join("");
}

/** Median over rounds of the ratio within a round, which a load that comes and goes disturbs least. */
function ratioOf(ours: Contender, other: Contender, key: keyof Speed): number {
  return median(ours.rounds.map((speed, round) => speed[key] / other.rounds[round]![key]));
}

/**
 * Largest difference of two results, relative to the largest value of `a` where that is above 1. Infinite for results of
 * different lengths.
 */
export function largestDifference(a: Float32Array, b: Float32Array): number {
  if (a.length !== b.length) return Number.POSITIVE_INFINITY;
  // Not spread: a batch of images has more values than a function takes arguments.
  const scale = a.reduce((largest, value) => Math.max(largest, Math.abs(value)), 1);
  return a.reduce((largest, value, index) => Math.max(largest, Math.abs(value - b[index]!) / scale), 0);
}

/** The version of PyTorch, if there is one here that runs on the device. */
export function torchVersion(device = "cpu"): string | undefined {
  const usable = device === "cpu" ? "True" : "torch.cuda.is_available()";
  const program = `import torch; assert ${usable}; print(torch.__version__)`;
  const { status, stdout } = spawnSync("python3", ["-c", program]);
  return status === 0 ? stdout.toString().trim() : undefined;
}
