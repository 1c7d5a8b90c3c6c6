/** The part of JSON Schema that our schemas use. */
export interface JsonSchema {
  readonly type?: "object" | "array" | "integer" | "number" | "string" | "boolean";
  readonly description?: string;
  readonly default?: unknown;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly anyOf?: readonly JsonSchema[];
  readonly oneOf?: readonly JsonSchema[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly exclusiveMaximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly items?: JsonSchema;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly additionalProperties?: JsonSchema | boolean;
  readonly propertyNames?: JsonSchema;
  /** Of a key that nobody needs but our tests: no help shows it. */
  readonly hidden?: boolean;
}

/** The rule for a value, in words that go on after "must be"; undefined where the schema states none. */
export function describeRule(schema: JsonSchema): string | undefined {
  const choices = choicesOf(schema);
  if (choices !== undefined) return oneOf(choices);
  if (schema.const !== undefined) return String(schema.const);
  if (schema.anyOf !== undefined) return schema.anyOf.map((choice) => describeRule(choice) ?? "anything").join(" or ");
  switch (schema.type) {
    case "array":
      return describeList(schema);
    case "boolean":
      return "true or false";
    case "string":
      return describeString(schema);
    case "object":
      return "an object";
    case "integer":
      return `an integer${describeBounds(schema)}`;
    case "number":
      return `a number${describeBounds(schema)}`;
    default:
      return undefined;
  }
}

/** `one of a, b`, in words that go on after "must be". */
export function oneOf(choices: readonly unknown[]): string {
  return choices.length === 1 ? String(choices[0]) : `one of ${choices.map(String).join(", ")}`;
}

/** The values of a schema that allows only some. */
export function choicesOf(schema: JsonSchema): readonly unknown[] | undefined {
  const constants = schema.anyOf?.map((choice) => choice.const);
  return schema.enum ?? (constants?.includes(undefined) ? undefined : constants);
}

/**
 * The schema of the value at a path. Of a union of objects, the member whose name the value has.
 * @param value - the whole value that was checked
 * @returns undefined where the schema has no such key
 */
export function schemaAt(schema: JsonSchema, path: readonly PropertyKey[], value: unknown): JsonSchema | undefined {
  const member = memberOf(schema, value);
  const [key, ...rest] = path;
  if (key === undefined) return member;
  const next = childOf(member, key);
  return next === undefined ? undefined : schemaAt(next, rest, valueAt(value, [key]));
}

function childOf({ items, properties, additionalProperties }: JsonSchema, key: PropertyKey): JsonSchema | undefined {
  if (typeof key === "number") return items;
  return properties?.[String(key)] ?? (typeof additionalProperties === "object" ? additionalProperties : undefined);
}

/** The value at a path; undefined where there is none. */
export function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>((inner, key) => (inner as Record<PropertyKey, unknown> | undefined | null)?.[key], value);
}

function memberOf(schema: JsonSchema, value: unknown): JsonSchema {
  const named = schema.oneOf?.find(({ properties = {} }) =>
    Object.entries(properties).some(([key, inner]) => {
      const allowed = inner.const === undefined ? inner.enum : [inner.const];
      return allowed?.includes(valueAt(value, [key])) === true;
    }),
  );
  return named ?? schema;
}

function describeList({ items = {}, minItems, maxItems }: JsonSchema): string {
  const number = describeNumber(minItems, maxItems);
  const each = describeRule(items);
  return `a list of ${number === undefined ? "" : `${number} `}values${each === undefined ? "" : ` that are each ${each}`}`;
}

function describeString({ minLength, maxLength }: JsonSchema): string {
  if (minLength === 1 && maxLength === undefined) return "a string that is not empty";
  const number = describeNumber(minLength, maxLength);
  return number === undefined ? "a string" : `a string of ${number} characters`;
}

function describeNumber(least = 0, most: number | undefined): string | undefined {
  if (most === undefined) return least === 0 ? undefined : `${least} or more`;
  if (least === most) return String(most);
  return least === 0 ? `at most ${most}` : `${least} to ${most}`;
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
