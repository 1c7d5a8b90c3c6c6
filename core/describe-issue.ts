import * as z from "zod";
import { describeRule, type JsonSchema, oneOf, schemaAt, valueAt } from "./json-schema.ts";
import { plainText } from "./plain-text.ts";

/** Characters of a wrong value that are shown. */
const maxShown = 80;

/** The first thing that is wrong with a file of ours: its key, the rule and the value, as the part of a sentence. */
export function describeIssue(error: z.ZodError, schema: z.ZodType, value: unknown): string {
  const issue = error.issues[0]!;
  const { path, isKey, seen, rule } = culpritOf(issue, jsonSchemaOf(schema), value);
  const name = path.length === 0 ? "it" : path.map(String).join(".");
  if (issue.code === "unrecognized_keys") return `${name} has the unknown key ${issue.keys[0]}`;
  const got = seen === undefined ? "and is missing" : `got ${plainText(showJson(seen), maxShown)}`;
  return `${isKey ? `a key of ${name}` : name} ${rule}, ${got}`;
}

/** What is wrong. */
export interface Culprit {
  /** Of a value, or of an object with a wrong key. */
  readonly path: readonly PropertyKey[];
  readonly isKey: boolean;
  /** The wrong value, or the wrong key. */
  readonly seen: unknown;
  /** What it must be, as a phrase. */
  readonly rule: string;
}

/** @param value - the whole value that was checked */
export function culpritOf(issue: z.core.$ZodIssue, schema: JsonSchema, value: unknown): Culprit {
  if (issue.code === "invalid_key") {
    const path = issue.path.slice(0, -1);
    const names = schemaAt(schema, path, value)?.propertyNames;
    return { path, isKey: true, seen: issue.path.at(-1), rule: ruleOf(issue.issues[0] ?? issue, names) };
  }
  // A schema may have changed the value before it checked it. A refinement checks more than the value of its path.
  const there = valueAt(value, issue.path);
  const seen = there === undefined && issue.code !== "custom" ? issue.input : there;
  return { path: issue.path, isKey: false, seen, rule: ruleOf(issue, schemaAt(schema, issue.path, value)) };
}

/** A schema as JSON Schema, from which rules are read. */
export function jsonSchemaOf(schema: z.ZodType): JsonSchema {
  return z.toJSONSchema(schema, { io: "input", unrepresentable: "any" }) as JsonSchema;
}

function ruleOf(issue: z.core.$ZodIssue, schema: JsonSchema | undefined): string {
  if (issue.message.startsWith("must ")) return issue.message;
  const choices = choicesOfIssue(issue);
  if (choices !== undefined) return `must be ${oneOf(choices)}`;
  const rule = schema === undefined ? undefined : describeRule(schema);
  return rule === undefined ? `does not fit (${issue.message.replace(/^Invalid input: /, "")})` : `must be ${rule}`;
}

/** The values of which one must be given, if the problem is that none was. */
export function choicesOfIssue(issue: z.core.$ZodIssue): readonly string[] | undefined {
  if (issue.code === "invalid_value") return issue.values.map(String);
  if (issue.code !== "invalid_union" || !("options" in issue) || !Array.isArray(issue.options)) return undefined;
  return issue.options.map(String);
}

/** A value as it stands in a JSON file. */
export function showJson(value: unknown): string {
  return JSON.stringify(value) ?? "nothing";
}
