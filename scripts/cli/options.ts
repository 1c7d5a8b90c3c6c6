import * as z from "zod";

/**
 * What the schema of an option says of its flag, beyond zod's own description, default and rules. All of it is metadata:
 * `z.int().meta({ … })`.
 */
export interface OptionMeta {
  readonly description: string;
  /** Whether it is a path: one on this machine, one that may also be `s3://…`, or one that may be any URL. */
  readonly path?: "local" | "bucket" | "any";
  /** Stands in the help for a default that the schema cannot state, such as `every core`. */
  readonly fallback?: string;
  /** The value of a flag that was given without one. */
  readonly bare?: string;
  /** What to do about a value that does not fit. */
  readonly advice?: string;
}

/** Metadata of an option, for `.meta`. */
export function option(description: string, more: Omit<OptionMeta, "description"> = {}): { description: string } {
  return { description, ...more };
}

/** A file or folder of this machine. */
export function localPath(description: string, more: Omit<OptionMeta, "description" | "path"> = {}) {
  return z.string().meta(option(description, { ...more, path: "local" }));
}

/** A file or folder of this machine, that may be left out. */
export function optionalPath(description: string, fallback?: string) {
  const more = fallback === undefined ? {} : { fallback };
  return z
    .string()
    .optional()
    .meta(option(description, { ...more, path: "local" }));
}

/** A switch that is off unless it is given. */
export function flag(description: string) {
  return z.boolean().default(false).meta(option(description));
}

/** Where a data set goes besides the run folder. */
export const uploadTarget = z
  .string()
  .optional()
  .meta(option("then upload the data set to s3://bucket/prefix or a folder; the manifest comes last", { path: "any" }));

/** Options of every command. */
export const generalOptions = z.object({
  quiet: flag("print results and errors only, no progress"),
  verbose: flag("print the stack traces of errors"),
});

/** Options of commands that have a configuration. */
export const configOptions = z.object({
  config: optionalPath("JSON file with keys of the configuration; flags override it"),
  dryRun: flag("print the resolved configuration and its hash, do nothing"),
});

/** What to do about a rank or a world size that does not fit. */
export const ranksAdvice = "Ranks count from 0 to --world-size − 1.";

/** Options of commands that several workers can share. */
export const workerOptions = z.object({
  rank: z
    .int()
    .min(0)
    .default(0)
    .meta(option("which of several workers this is", { advice: ranksAdvice })),
  worldSize: z
    .int()
    .min(1)
    .max(1_000_000)
    .default(1)
    .meta(option("number of workers that share the work", { advice: ranksAdvice })),
});

/** Options of commands that compute for long. */
export const threadOptions = z.object({
  threads: z
    .int()
    .min(1)
    .max(1024)
    .optional()
    .meta(
      option("CPU threads to compute with; images and probabilities do not depend on them", {
        fallback: "SLURM_CPUS_PER_TASK, else every core, or as many as a container may use",
        advice: "Leave it out to use every core.",
      }),
    ),
});

/** The choice of a recipe, for commands that have a sampler. */
export const recipeOptions = z.object({
  recipe: z
    .string()
    .optional()
    .meta(
      option(
        "values for the sampler: fast; tuned, for one- and two-step generators; original, as CIFAR-5m was made; other flags override it",
        { fallback: "fast" },
      ),
    ),
});

/** The option of commands that report. */
export const reportOptions = z.object({ json: flag("print the report as JSON") });
