import { dirname, resolve } from "node:path";
import { Cifar5mError } from "../../core/errors.ts";
import { isObject } from "../../core/is-object.ts";
import { readJson } from "../../storage/read-json.ts";
import { asBase, type Config, mergeConfigs, type PartialConfig, resolveConfig } from "../run/config.ts";

/** A way to sample images that is compared with others. */
export interface SamplerRow {
  /** Name in the table and the plot. */
  readonly name: string;
  /** A line in the plot joins the rows of a series. */
  readonly series: string;
  readonly config: Config;
  /** The generator's weights; undefined for the weights that all rows share. */
  readonly weights: string | undefined;
  /** The weights of a weaker generator that guides it. */
  readonly guide: string | undefined;
}

const rowsRule = 'must be a JSON list of objects like {"name": "5 steps", "sampler": {"steps": 5}}';

/** Numbers of steps of the default rows. */
const defaultSteps = [1, 2, 5, 10, 18] as const;

/**
 * The rows of a comparison: a JSON list of partial configurations, each merged over the base, such as `{"sampler":
 * {"steps": 5}}`. In addition a row may have a `name`, a `series`, and files with paths relative to the list:
 * `weights`, and `guide`, the weights of a weaker generator.
 * @param path - the list; by default steps 1, 2, 5, 10 and 18 of the base's sampler
 * @throws Cifar5mError `score/bad-rows`, `config/unknown-key`, `config/out-of-range`, `disk/…`, before any work
 */
export async function readSamplerRows(path: string | undefined, base: Config): Promise<readonly SamplerRow[]> {
  const list: unknown =
    path === undefined
      ? defaultSteps.map((steps) => ({ sampler: { steps } }))
      : await readJson(path, { code: "score/bad-rows", rule: rowsRule, advice: "Correct it." });
  if (!Array.isArray(list) || list.length === 0) throw badRows(path, "it is not an array, or is empty");
  const fileOf = (name: unknown) => (name === undefined ? undefined : resolve(dirname(path ?? "."), name as string));
  const rows = list.map((row: unknown, index): SamplerRow => {
    if (typeof row !== "object" || row === null || Array.isArray(row))
      throw badRows(path, `entry ${index} is not an object`);
    const { name, series, weights, guide, ...partial } = row as Readonly<Record<string, unknown>>;
    for (const [key, value] of Object.entries({ name, series, weights, guide })) {
      if (value === undefined || (typeof value === "string" && value !== "")) continue;
      throw badRows(path, `${key} of entry ${index} is not a string`);
    }
    return {
      name: (name as string | undefined) ?? describePartial(partial),
      series: (series as string | undefined) ?? (weights as string | undefined) ?? "generator",
      config: resolveConfig(mergeConfigs(asBase(base), partial as PartialConfig)),
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

/** A description such as `steps 5, guidance 3`. */
function describePartial(partial: Readonly<Record<string, unknown>>): string {
  const leaves = (value: Readonly<Record<string, unknown>>): string[] =>
    Object.entries(value).flatMap(([key, inner]) => (isObject(inner) ? leaves(inner) : [`${key} ${String(inner)}`]));
  return leaves(partial).join(", ") || "as configured";
}
