/**
 * All benchmarks, one after the other: `npm run bench -- [--rounds N] [--threads N] [--json FILE] [unet|networks|loader|sampling…]`.
 * The JSON gets a page of the same name beside it.
 */

import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { formatResults } from "./harness/format-results.ts";
import { type BenchmarkResults, type BenchmarkTable, keepResults } from "./harness/results.ts";

const benchmarks = ["unet", "networks", "loader", "sampling"];

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { rounds: { type: "string" }, threads: { type: "string" }, json: { type: "string" } },
});
const unknown = positionals.find((name) => !benchmarks.includes(name));
if (unknown !== undefined) {
  console.error(`${unknown} is not a benchmark. Use one of: ${benchmarks.join(", ")}.`);
  process.exit(2);
}
const effort = (["rounds", "threads"] as const).flatMap((name) => {
  const value = values[name];
  return value === undefined ? [] : [`--${name}`, value];
});
const part = join(tmpdir(), `cifar5m-bench-${process.pid}.json`);
const tables: BenchmarkTable[] = [];

for (const name of positionals.length > 0 ? positionals : benchmarks) {
  console.log(`\n── ${name} ──`);
  const script = fileURLToPath(new URL(`${name}/${name}.js`, import.meta.url));
  const { status } = spawnSync(process.execPath, [script, ...effort, "--json", part], { stdio: "inherit" });
  if (status !== 0) process.exitCode = 1;
  if (!existsSync(part)) continue;
  tables.push(...(JSON.parse(readFileSync(part, "utf8")) as BenchmarkResults).tables);
  rmSync(part);
}
await keepResults(values.json, tables);
if (values.json !== undefined) {
  const page = formatResults(JSON.parse(readFileSync(values.json, "utf8")) as BenchmarkResults);
  writeFileSync(values.json.replace(/(\.json)?$/, ".md"), page);
}
