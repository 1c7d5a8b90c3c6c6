/** The part of JSON schema that configurations use. */
export interface JsonSchema {
  readonly type?: "object" | "array" | "integer" | "number" | "string" | "boolean";
  readonly description?: string;
  readonly default?: unknown;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly anyOf?: readonly JsonSchema[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly exclusiveMaximum?: number;
  readonly items?: JsonSchema;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
}

/** A key that holds a value, not an object: `sampler.steps`. */
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

/** What a value must be, in words that go on after "must be". */
export function describeRule(schema: JsonSchema): string {
  const choices = choicesOf(schema);
  if (choices !== undefined) return `one of ${choices.map(String).join(", ")}`;
  if (schema.const !== undefined) return String(schema.const);
  if (schema.anyOf !== undefined) return schema.anyOf.map(describeRule).join(" or ");
  if (schema.type === "array") return `a list of values that are each ${describeRule(schema.items ?? {})}`;
  if (schema.type === "boolean") return "true or false";
  if (schema.type === "string") return "a text that is not empty";
  return `${schema.type === "integer" ? "an integer" : "a number"}${describeBounds(schema)}`;
}

/** The values of a key that allows just some. */
function choicesOf(schema: JsonSchema): readonly unknown[] | undefined {
  const constants = schema.anyOf?.map((choice) => choice.const);
  return schema.enum ?? (constants?.includes(undefined) ? undefined : constants);
}

/** A value from a flag's text. Text that does not fit stays text, for the schema to refuse by name. */
export function parseFlag(text: string, schema: JsonSchema): unknown {
  const choice = choicesOf(schema)?.find((value) => String(value) === text);
  if (choice !== undefined) return choice;
  if (schema.anyOf !== undefined) {
    return schema.anyOf.map((inner) => parseFlag(text, inner)).find((value) => value !== text) ?? text;
  }
  if (schema.type === "array") return text.split(",").map((item) => parseFlag(item.trim(), schema.items ?? {}));
  if (schema.type === "integer" || schema.type === "number") {
    const value = Number(text.replaceAll("_", ""));
    return text.trim() !== "" && Number.isFinite(value) ? value : text;
  }
  if (schema.type === "boolean") return text === "true" ? true : text === "false" ? false : text;
  return text;
}

/** Whether a text that a flag was given is a value as it stands. */
export function takesText(text: string, schema: JsonSchema): boolean {
  return schema.type === "string" || (schema.anyOf?.some((inner) => inner.const === text) ?? false);
}

/** `sampler.numSteps` → `sampler.num-steps`. */
export function flagOf(key: string): string {
  return key.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** The nested object that holds one value: ("sampler.steps", 18) → { sampler: { steps: 18 } }. */
export function nest(key: string, value: unknown): Record<string, unknown> {
  const names = key.split(".");
  return names.reduceRight<unknown>((inner, name) => ({ [name]: inner }), value) as Record<string, unknown>;
}

/** A copy of a nested object without the named keys, and without an inner object of which nothing is left. */
export function omitKeys(
  object: Readonly<Record<string, unknown>>,
  keys: ReadonlySet<string>,
  prefix = "",
): Record<string, unknown> {
  const kept: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(object)) {
    if (keys.has(prefix + name)) continue;
    const isNested = typeof value === "object" && value !== null && !Array.isArray(value);
    const inner = isNested ? omitKeys(value as Record<string, unknown>, keys, `${prefix}${name}.`) : value;
    if (!isNested || Object.keys(inner as object).length > 0) kept[name] = inner;
  }
  return kept;
}

function describeBounds(schema: JsonSchema): string {
  const { minimum, exclusiveMinimum: above, exclusiveMaximum: below } = schema;
  const low = minimum === undefined || minimum === Number.MIN_SAFE_INTEGER ? undefined : minimum;
  const high = schema.maximum === Number.MAX_SAFE_INTEGER ? undefined : schema.maximum;
  const bounds = [
    low === undefined ? "" : `at least ${low}`,
    above === undefined ? "" : `above ${above}`,
    high === undefined ? "" : `at most ${high}`,
    below === undefined ? "" : `below ${below}`,
  ].filter((bound) => bound !== "");
  return bounds.length === 0 ? "" : `, ${bounds.join(" and ")}`;
}
