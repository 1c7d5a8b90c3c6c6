import type * as z from "zod";
import { choicesOfIssue, culpritOf, jsonSchemaOf, showJson } from "./describe-issue.ts";
import { Cifar5mError } from "./errors.ts";
import { schemaAt } from "./json-schema.ts";
import { nearestWord } from "./nearest-word.ts";

/** How the errors of a value name things. */
export interface ParseNames {
  /** Area of the error codes: `config`. */
  readonly area: string;
  /** What the keys belong to, in errors about unknown ones: `the configuration`. */
  readonly owner: string;
  /** What stands before a message, such as the file that the value is from. */
  readonly source?: string;
  /** How a key is written; nested keys arrive as `sampler.steps`. */
  readonly nameOf?: (key: string) => string;
  /** How a value is written; as JSON if left out. */
  readonly show?: (value: unknown) => string;
  /** What to do about a value; by default, to give another or none. */
  readonly adviceOf?: (key: string) => string | undefined;
}

/**
 * Checks a value by a schema, and says in one line what is wrong with it: key, rule, value, and what to do next. A message
 * of the schema that begins with "must" is taken as the rule; else the rule follows from the schema.
 * @throws Cifar5mError `<area>/unknown-key`, with the nearest key that exists; `<area>/out-of-range`
 */
export function parseWithSchema<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
  names: ParseNames,
): z.output<Schema> {
  const parsed = schema.safeParse(value, { reportInput: true });
  if (parsed.success) return parsed.data;
  // A key that is missing may be the unknown one, misspelled.
  const { issues } = parsed.error;
  throw errorOf(issues.find(({ code }) => code === "unrecognized_keys") ?? issues[0]!, schema, value, names);
}

function errorOf(issue: z.core.$ZodIssue, schema: z.ZodType, value: unknown, names: ParseNames): Cifar5mError {
  const rules = jsonSchemaOf(schema);
  const { area, source, nameOf = (key) => key, show = showJson } = names;
  const prefix = source === undefined ? "" : `${source}: `;
  const key = issue.path.map(String).join(".");
  if (issue.code === "unrecognized_keys") {
    const unknown = join(key, issue.keys[0]!);
    const siblings = Object.keys(schemaAt(rules, issue.path, value)?.properties ?? {}).map((name) => join(key, name));
    return new Cifar5mError(
      `${area}/unknown-key`,
      `${prefix}${nameOf(unknown)} is not a key of ${names.owner}. ${adviceOnKey(unknown, siblings.map(nameOf), nameOf)}`,
    );
  }
  const { path, isKey, seen, rule } = culpritOf(issue, rules, value);
  const name = path.length === 0 ? "it" : nameOf(path.map(String).join("."));
  const hint = nearestChoice(issue, seen);
  const isMissing = seen === undefined && issue.code !== "custom";
  const usual = isKey
    ? "Choose another key."
    : isMissing
      ? "It has no default: give it a value."
      : "Give it another value, or leave it out for its default.";
  return new Cifar5mError(
    `${area}/out-of-range`,
    `${prefix}${isKey ? `a key of ${name}` : name} ${isMissing && !rule.startsWith("must") ? "must be given" : rule}, got ${show(seen)}. ` +
      `${hint}${names.adviceOf?.(key) ?? usual}`,
  );
}

function adviceOnKey(unknown: string, siblings: readonly string[], nameOf: (key: string) => string): string {
  if (siblings.length === 0) return "Leave it out.";
  const nearest = nearestWord(nameOf(unknown), siblings);
  const hint = nearest === undefined ? "" : `Did you mean ${nearest}? `;
  return `${hint}Use one of: ${siblings.join(", ")}.`;
}

function nearestChoice(issue: z.core.$ZodIssue, seen: unknown): string {
  const nearest = typeof seen === "string" ? nearestWord(seen, choicesOfIssue(issue) ?? []) : undefined;
  return nearest === undefined ? "" : `Did you mean ${nearest}? `;
}

function join(path: string, key: string): string {
  return path === "" ? key : `${path}.${key}`;
}
