import * as z from "zod";
import { Cifar5mError } from "../core/errors.ts";
import { parseJsonAs } from "../core/parse-json-as.ts";
import { readTable } from "../shards/arrow/read-table-file.ts";
import type { TableInput, TableSchema } from "../shards/arrow/table-schema.ts";
import { writeTable } from "../shards/arrow/write-table.ts";
import { canonicalJson } from "../storage/canonical-json.ts";
import { replaceFile } from "../storage/commit.ts";
import { fileExists } from "../storage/read-file.ts";
import type { ExperimentFolder } from "./experiment-folder.ts";
import { isDone } from "./is-done.ts";
import { fromMetricsColumns, metricsSchema, toMetricsColumns } from "./metrics-table.ts";
import type { PlannedRun } from "./plan-experiment.ts";
import { type RunOptions, runOptionsSchema } from "./run-options.ts";
import type { MetricsRow } from "./train-run.ts";

/** The version this code writes, and the only one it reads. */
const resultsVersion = "1";
const versionKey = "cifar5m.results";
const dataKey = "cifar5m.data";

/** Columns with the same value in all rows of a run, so that a table can be grouped without parsing JSON. */
const runColumns = {
  run: "utf8",
  network: "utf8",
  world: "utf8",
  num_samples: "int64",
  augmentation: "utf8",
  pretraining: "utf8",
  seed: "int64",
  options: "utf8",
} as const satisfies TableSchema;

/** A table with one row per run, step and set of images; `options` holds all options of the run as JSON. */
export const resultsSchema = { ...runColumns, ...metricsSchema } as const satisfies TableSchema;

/** A finished run. */
export interface RunResult {
  readonly id: string;
  readonly options: RunOptions;
  /** The steps of these rows rise. */
  readonly rows: readonly MetricsRow[];
}

/** Reads the finished runs among some runs, in order. */
export async function readFinishedRuns(folder: ExperimentFolder, runs: readonly PlannedRun[]): Promise<RunResult[]> {
  const results: RunResult[] = [];
  for (const run of runs) {
    const { id, options } = run;
    if (!(await isDone(folder, run, folder.metrics(id)))) continue;
    const { columns } = await readTable(folder.metrics(id), metricsSchema);
    results.push({ id, options, rows: fromMetricsColumns(columns) });
  }
  return results;
}

/** Number of runs that `readFinishedRuns` would find now. */
export async function countFinishedRuns(folder: ExperimentFolder, runs: readonly PlannedRun[]): Promise<number> {
  let numFinished = 0;
  for (const run of runs) if (await isDone(folder, run, folder.metrics(run.id))) numFinished++;
  return numFinished;
}

/** The results of an experiment. */
export interface Results {
  /** Hashes of the data sets, by role. */
  readonly data: Readonly<Record<string, string>>;
  readonly runs: readonly RunResult[];
}

/** Writes the single file with the results of an experiment. It replaces an existing file. */
export async function writeResults(path: string, { data, runs }: Results): Promise<void> {
  const metadata = { [versionKey]: resultsVersion, [dataKey]: canonicalJson(data) };
  await replaceFile(path, async (sink) => {
    await writeTable(sink, resultsSchema, runs.map(toColumns), { metadata });
  });
}

function toColumns({ id, options, rows }: RunResult): TableInput<typeof resultsSchema> {
  const { network, world, numSamples, augmentation, pretraining, seed } = options;
  const repeat = (text: string) => rows.map(() => text);
  const count = (value: number) => new Float64Array(rows.length).fill(value);
  return {
    run: repeat(id),
    network: repeat(network.name),
    world: repeat(world),
    num_samples: count(numSamples),
    augmentation: repeat(augmentation),
    pretraining: repeat(pretraining?.task ?? "none"),
    seed: count(seed),
    options: repeat(canonicalJson(options)),
    ...toMetricsColumns(rows),
  };
}

/**
 * Reads what `writeResults` wrote.
 * @throws Cifar5mError `experiment/no-results` before the first run is done, `experiment/results-version` for a file of another release, `experiment/results-corrupt`; `table/…`, `disk/…`
 */
export async function readResults(path: string): Promise<Results> {
  if (!(await fileExists(path))) {
    throw new Cifar5mError(
      "experiment/no-results",
      `${path} must exist, and does not: no run is done yet, or the folder is that of no experiment. Name another, or do runs with \`cifar5m experiment run FILE.json FOLDER\`.`,
    );
  }
  const { columns, rows, metadata } = await readTable(path, resultsSchema);
  const version = metadata.get(versionKey);
  if (version !== resultsVersion) {
    throw new Cifar5mError(
      "experiment/results-version",
      `${path} must be results of version ${resultsVersion}, got ${version ?? "none"}. Write them again with \`cifar5m experiment run\`.`,
    );
  }
  const metrics = fromMetricsColumns(columns);
  const results = new Map<string, { readonly id: string; readonly options: RunOptions; readonly rows: MetricsRow[] }>();
  for (let row = 0; row < rows; row++) {
    const id = columns.run[row]!;
    const result = results.get(id) ?? {
      id,
      options: readCell("the options of a run", runOptionsSchema, columns.options[row]!, path),
      rows: [],
    };
    result.rows.push(metrics[row]!);
    results.set(id, result);
  }
  const data = readCell("hashes of its data", z.record(z.string(), z.string()), metadata.get(dataKey) ?? "{}", path);
  return { data, runs: [...results.values()] };
}

function readCell<Value>(what: string, schema: z.ZodType<Value>, text: string, path: string): Value {
  return parseJsonAs(
    schema,
    text,
    (problem) =>
      new Cifar5mError(
        "experiment/results-corrupt",
        `${path} must hold ${what} as they were written, and does not: ${problem}. Write it again with \`cifar5m experiment run\`.`,
      ),
  );
}
