import * as z from "zod";
import { describeRule, type JsonSchema, oneOf, schemaAt, valueAt } from "./json-schema.ts";
import { plainText } from "./plain-text.ts";

/** Characters of a wrong value that are shown. */
const maxShown = 80;

/** The first thing that is wrong with a file of ours: its key, the rule and the value, as the part of a sentence. */
export function describeIssue(error: z.ZodError, schema: z.ZodType, value: unknown): string {
  const issue = error.issues[0]!;
  const key = issue.path.length === 0 ? "it" : issue.path.map(String).join(".");
  if (issue.code === "unrecognized_keys") return `${key} has the unknown key ${issue.keys[0]}`;
  const seen = valueAt(value, issue.path);
  const got = seen === undefined ? "and is missing" : `got ${plainText(showJson(seen), maxShown)}`;
  return `${key} ${ruleOf(issue, schemaAt(jsonSchemaOf(schema), issue.path, value))}, ${got}`;
}

/** A schema as JSON Schema, from which rules are read. */
export function jsonSchemaOf(schema: z.ZodType): JsonSchema {
  return z.toJSONSchema(schema, { io: "input", unrepresentable: "any" }) as JsonSchema;
}

/** What a value must be, as a phrase. */
export function ruleOf(issue: z.core.$ZodIssue, schema: JsonSchema | undefined): string {
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
