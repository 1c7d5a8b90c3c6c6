import { isObject } from "../../core/is-object.ts";
import { choicesOf, type JsonSchema, valueAt as valueAtPath } from "../../core/json-schema.ts";
import { configJsonSchema } from "./config.ts";

/** A key that holds a value instead of an object: `sampler.steps`. */
export interface ConfigLeaf {
  readonly key: string;
  readonly schema: JsonSchema;
}

/** All keys that hold values, in the order of the schema. */
export function leavesOf(schema: JsonSchema, prefix = ""): ConfigLeaf[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, inner]) =>
    inner.type === "object" ? leavesOf(inner, `${prefix}${name}.`) : [{ key: prefix + name, schema: inner }],
  );
}

/** The keys of the configuration that hold values and are among `keys`: whole sections or single keys. */
export function configLeaves(keys: readonly string[]): ConfigLeaf[] {
  return leavesOf(configJsonSchema).filter(({ key }) =>
    keys.some((wanted) => key === wanted || key.startsWith(`${wanted}.`)),
  );
}

/** The value of a key in a configuration. */
export function valueAt(config: object, key: string): unknown {
  return valueAtPath(config, key.split("."));
}

/** A decimal number. Digits may be grouped: 1_000_000. */
const decimal = /^[+-]?(\d+(_\d+)*\.?\d*|\.\d+)(e[+-]?\d{1,3})?$/i;

/**
 * Converts the text of a flag into a value. A text that does not fit stays a text, so that the schema refuses it by
 * name.
 */
export function parseFlag(text: string, schema: JsonSchema): unknown {
  const choice = choicesOf(schema)?.find((value) => String(value) === text);
  if (choice !== undefined) return choice;
  if (schema.anyOf !== undefined) {
    return schema.anyOf.map((inner) => parseFlag(text, inner)).find((value) => value !== text) ?? text;
  }
  if (schema.type === "array") return text.split(",").map((item) => parseFlag(item.trim(), schema.items ?? {}));
  if (schema.type === "integer" || schema.type === "number") {
    return decimal.test(text) ? Number(text.replaceAll("_", "")) : text;
  }
  if (schema.type === "boolean") return text === "true" ? true : text === "false" ? false : text;
  return text;
}

/** Whether a flag takes its text as the value, without conversion. */
export function takesText(text: string, schema: JsonSchema): boolean {
  return schema.type === "string" || (schema.anyOf?.some((inner) => inner.const === text) ?? false);
}

/** The flag of a key: `sampler.numSteps` → `sampler.num-steps`. */
export function flagOf(key: string): string {
  return key.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** The nested object with a single value: ("sampler.steps", 18) → { sampler: { steps: 18 } }. */
export function nest(key: string, value: unknown): Record<string, unknown> {
  const names = key.split(".");
  return names.reduceRight<unknown>((inner, name) => ({ [name]: inner }), value) as Record<string, unknown>;
}

/** A copy of a nested object without the named keys. Inner objects that become empty are left out. */
export function omitKeys(
  object: Readonly<Record<string, unknown>>,
  keys: ReadonlySet<string>,
  prefix = "",
): Record<string, unknown> {
  const kept: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(object)) {
    if (keys.has(prefix + name)) continue;
    const inner = isObject(value) ? omitKeys(value, keys, `${prefix}${name}.`) : value;
    if (!isObject(inner) || Object.keys(inner).length > 0) kept[name] = inner;
  }
  return kept;
}
