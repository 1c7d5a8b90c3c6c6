import * as z from "zod";
import { Cifar5mError } from "../core/errors.ts";
import { valueAt } from "../core/json-schema.ts";
import { parseWithSchema } from "../core/parse-with-schema.ts";
import { engineNames, precisions } from "../engine/executor.ts";
import { readJson } from "../storage/read-json.ts";
import { type RunOptions, runOptionsSchema, scheduleSchema } from "./run-options.ts";

/** Number of runs of an experiment, at most: each has a folder. */
const maxRuns = 100_000;

/** Names of the data that an experiment has anyway, which no further data set may have. */
const takenNames: ReadonlySet<string> = new Set(["train", "test", "live"]);

/** The content of an experiment file: what all runs have in common, and the values to try in every combination. */
export const experimentSchema = z.strictObject({
  name: z.string().min(1).describe("title of the report"),
  dataset: z.string().min(1).describe("folder or URL of the data set"),
  alsoTest: z
    .record(
      z
        .string()
        .regex(/^[a-z0-9-]+$/, "must be a name of small letters, digits and -")
        .refine((name) => !takenNames.has(name), `must be a name other than ${[...takenNames].join(", ")}`),
      z.string().min(1),
    )
    .default({})
    .describe("further data sets whose test split is looked at, such as CIFAR-10, by name"),
  live: z
    .string()
    .min(1)
    .optional()
    .describe("run folder whose models make more images for the ideal world when the pool is spent"),
  engine: z.enum(engineNames).default("onnxruntime"),
  device: z.string().min(1).default("cpu"),
  precision: z.enum(precisions).default("float32").describe("of convolutions and matrix products; mixed is for GPUs"),
  trials: z
    .int()
    .min(1)
    .max(1000)
    .default(1)
    .describe("runs of each combination, with seeds that count up from the run's"),
  base: z.record(z.string(), z.unknown()).default({}).describe("options of every run"),
  grid: z
    .preprocess(
      (value) => (Array.isArray(value) ? value : [value]),
      z.array(z.record(z.string(), z.array(z.unknown()).min(1))).min(1),
    )
    .default([{}])
    .describe("options by name, each with the values to try: all combinations are run; or a list of such grids"),
});

export type ExperimentConfig = z.infer<typeof experimentSchema>;

/**
 * Reads an experiment file.
 * @throws Cifar5mError `experiment/not-json`, `experiment/unknown-key`, `experiment/out-of-range`, `disk/…`
 */
export async function readExperimentConfig(path: string): Promise<ExperimentConfig> {
  const value = await readJson(path, { code: "experiment/not-json", advice: "Correct the file." });
  // In a file with one grid, no key has the number that the grid gets as the only one of a list.
  const nameOf = (key: string) => (Array.isArray(valueAt(value, ["grid"])) ? key : key.replace(/^grid\.0\b/, "grid"));
  return parseExperiment(experimentSchema, value, path, nameOf);
}

function parseExperiment<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
  source: string,
  nameOf = (key: string) => key,
): z.output<Schema> {
  return parseWithSchema(schema, value, { area: "experiment", owner: "an experiment", source, nameOf });
}

/**
 * The runs of an experiment: each combination of each grid, each trial. Runs are equal if they differ only in options
 * that have no effect, such as the number of samples in the ideal world; equal runs are done once.
 * @throws Cifar5mError `experiment/unknown-key`, `experiment/out-of-range`
 */
export function combinationsOf({ name, base, grid, trials }: ExperimentConfig): readonly RunOptions[] {
  const numRuns = grid.reduce((sum, one) => sum + sizeOfGrid(one), 0) * trials;
  if (numRuns > maxRuns) {
    throw new Cifar5mError(
      "experiment/out-of-range",
      `experiment "${name}" must have at most ${maxRuns} runs, but its grid and trials make ${numRuns}. Try fewer values.`,
    );
  }
  const runs = grid.flatMap(combine).flatMap((combination) => {
    const given = { ...base, ...combination };
    const options = canonicalize(parseExperiment(runOptionsSchema, given, `experiment "${name}"`));
    return Array.from({ length: trials }, (_, trial) => ({ ...options, seed: options.seed + trial }));
  });
  const unique = new Map(runs.map((run) => [JSON.stringify(run), run]));
  return [...unique.values()];
}

function sizeOfGrid(grid: Readonly<Record<string, readonly unknown[]>>): number {
  return Object.values(grid).reduce((product, values) => product * values.length, 1);
}

function combine(grid: Readonly<Record<string, readonly unknown[]>>): readonly Record<string, unknown>[] {
  let combinations: Record<string, unknown>[] = [{}];
  for (const [key, values] of Object.entries(grid)) {
    combinations = combinations.flatMap((before) => values.map((value) => ({ ...before, [key]: value })));
  }
  return combinations;
}

/** Gives the same value to every option that has no effect. */
function canonicalize(options: RunOptions): RunOptions {
  const schedule = options.schedule.name === "step" ? options.schedule : { ...options.schedule, ...unusedSteps };
  return { ...options, schedule, ...(options.world === "ideal" ? { numSamples: 1, stopBelow: 0, shuffle: true } : {}) };
}

/** What schedules have that do not fall in steps. */
const { milestones, factor } = scheduleSchema.parse({});
const unusedSteps = { milestones, factor };
