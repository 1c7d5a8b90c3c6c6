import { dirname, resolve } from "node:path";
import { Cifar5mError } from "../../core/errors.ts";
import { readJson } from "../../storage/read-json.ts";
import { type Config, mergeConfigs, type PartialConfig, resolveConfig } from "../run/config.ts";

/** A way to draw images that is compared with others. */
export interface SamplerRow {
  /** For the table and the plot. */
  readonly name: string;
  /** Rows of a series are joined by a line. */
  readonly series: string;
  readonly config: Config;
  /** The generator's weights; undefined for those that all rows share. */
  readonly weights: string | undefined;
  /** Those of a weaker generator that guides it. */
  readonly guide: string | undefined;
}

const rowsRule = 'must be a JSON list of objects like {"name": "5 steps", "sampler": {"steps": 5}}';

/** Steps of the rows where no file names others. */
const defaultSteps = [1, 2, 5, 10, 18] as const;

/**
 * The rows of a comparison: a JSON list of partial configurations, each laid over the base, such as
 * `{"sampler": {"steps": 5}}`. Besides, a row may have a `name`, a `series`, and files, relative
 * to the list: `weights`, and `guide`, weights of a weaker generator.
 * @param path - the list; steps 1, 2, 5, 10 and 18 of the base's sampler if left out
 * @throws Cifar5mError `score/bad-rows`, `config/unknown-key`, `config/out-of-range`, `disk/…`, before any work
 */
export async function readSamplerRows(path: string | undefined, base: Config): Promise<readonly SamplerRow[]> {
  const list: unknown =
    path === undefined
      ? defaultSteps.map((steps) => ({ sampler: { steps } }))
      : await readJson(path, { code: "score/bad-rows", rule: rowsRule, advice: "Correct it." });
  if (!Array.isArray(list) || list.length === 0) throw badRows(path, "it is no list, or an empty one");
  const fileOf = (name: unknown) => (name === undefined ? undefined : resolve(dirname(path ?? "."), name as string));
  const rows = list.map((row: unknown, index): SamplerRow => {
    if (typeof row !== "object" || row === null || Array.isArray(row))
      throw badRows(path, `entry ${index} is no object`);
    const { name, series, weights, guide, ...partial } = row as Readonly<Record<string, unknown>>;
    for (const [key, value] of Object.entries({ name, series, weights, guide })) {
      if (value === undefined || (typeof value === "string" && value !== "")) continue;
      throw badRows(path, `${key} of entry ${index} is no text`);
    }
    return {
      name: (name as string | undefined) ?? describePartial(partial),
      series: (series as string | undefined) ?? (weights as string | undefined) ?? "generator",
      config: resolveConfig(mergeConfigs(base, partial as PartialConfig)),
      weights: fileOf(weights),
      guide: fileOf(guide),
    };
  });
  const twice = rows.find(({ name }, index) => rows.findIndex((other) => other.name === name) !== index);
  if (twice !== undefined) throw badRows(path, `two entries are named "${twice.name}"`);
  return rows;
}

function badRows(path: string | undefined, what: string): Cifar5mError {
  return new Cifar5mError("score/bad-rows", `${path} ${rowsRule}: ${what}. Correct it.`);
}

/** `steps 5, guidance 3`. */
function describePartial(partial: Readonly<Record<string, unknown>>): string {
  const leaves = (value: Readonly<Record<string, unknown>>): string[] =>
    Object.entries(value).flatMap(([key, inner]) =>
      typeof inner === "object" && inner !== null && !Array.isArray(inner)
        ? leaves(inner as Readonly<Record<string, unknown>>)
        : [`${key} ${String(inner)}`],
    );
  return leaves(partial).join(", ") || "as configured";
}
