/** What a benchmark measured, as JSON: `npm run bench -- --json FILE` keeps it, and docs/benchmarks.md is made of it. */

import { writeFile } from "node:fs/promises";
import { cpus } from "node:os";
import { parseArgs } from "node:util";

/** One program in a comparison. */
export interface BenchmarkRow {
  readonly name: string;
  readonly imagesPerSecond: number;
  /** Our fastest program's speed over this one's; above 1 is in our favor. Programs of ours may have none. */
  readonly ratio?: number;
  readonly peakMb: number;
}

export interface BenchmarkTable {
  readonly title: string;
  readonly rows: readonly BenchmarkRow[];
}

/** What one machine measured in one run. */
export interface BenchmarkResults {
  readonly machine: string;
  readonly node: string;
  readonly date: string;
  readonly tables: readonly BenchmarkTable[];
}

/** Options that all benchmarks take: `--rounds`, `--threads`, `--json`. */
export function readBenchmarkOptions(defaults: { readonly rounds: number; readonly threads: number }) {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { rounds: { type: "string" }, threads: { type: "string" }, json: { type: "string" } },
  });
  const countOf = (name: "rounds" | "threads") => {
    const count = Number(values[name] ?? defaults[name]);
    if (Number.isInteger(count) && count >= 1) return count;
    throw new Error(`--${name} must be a whole number, at least 1, got ${values[name]}.`);
  };
  return { numRounds: countOf("rounds"), numThreads: countOf("threads"), json: values.json, positionals };
}

/** Writes results to the file that `--json` names, if it names one. */
export async function keepResults(path: string | undefined, tables: readonly BenchmarkTable[]): Promise<void> {
  if (path === undefined) return;
  const machine = `${cpus().length} × ${cpus()[0]?.model ?? "CPU"}`;
  const results: BenchmarkResults = {
    machine,
    node: process.version,
    date: new Date().toISOString().slice(0, 10),
    tables,
  };
  await writeFile(path, `${JSON.stringify(results, undefined, 2)}\n`);
}
