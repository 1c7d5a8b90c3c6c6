import { closest } from "fastest-levenshtein";
import type * as z from "zod";
import { Cifar5mError } from "../core/errors.ts";

/**
 * A value checked by a schema.
 * @param what - names the value in errors, such as the file it is from
 * @throws Cifar5mError `experiment/unknown-key`, with the nearest key that exists, or `experiment/out-of-range`
 */
export function parseOptions<Schema extends z.ZodType>(schema: Schema, value: unknown, what: string): z.output<Schema> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0]!;
  const path = issue.path.map(String).join(".");
  if (issue.code === "unrecognized_keys") {
    const key = issue.keys[0]!;
    const known = keysAt(schema, issue.path, value);
    const hint =
      known.length === 0 ? "Leave it out." : `Did you mean "${closest(key, known)}"? Known: ${known.join(", ")}.`;
    throw new Cifar5mError("experiment/unknown-key", `${what}: "${join(path, key)}" is no key. ${hint}`);
  }
  const seen = issue.path.reduce<unknown>((inner, key) => (inner as Record<PropertyKey, unknown>)?.[key], value);
  if (issue.code === "invalid_union" && "discriminator" in issue) {
    const choices = choicesOf(schema, issue.path.slice(0, -1), value);
    const hint = typeof seen === "string" && choices.length > 0 ? ` Did you mean "${closest(seen, choices)}"?` : "";
    throw new Cifar5mError(
      "experiment/out-of-range",
      `${what}: ${path} must be one of ${choices.join(", ")}, got ${JSON.stringify(seen)}.${hint}`,
    );
  }
  throw new Cifar5mError(
    "experiment/out-of-range",
    `${what}: ${path === "" ? "it" : path} does not fit (${issue.message.replace(/^Invalid input: /, "")}), got ${JSON.stringify(seen) ?? "nothing"}. ` +
      "Give it another value, or leave it out for its default.",
  );
}

function join(path: string, key: string): string {
  return path === "" ? key : `${path}.${key}`;
}

/** What the walk needs of zod's schemas. */
interface Definition {
  readonly type: string;
  readonly shape?: Readonly<Record<string, z.ZodType>>;
  readonly innerType?: z.ZodType;
  /** Of a pipe, what comes out of it. */
  readonly out?: z.ZodType;
  readonly element?: z.ZodType;
  readonly valueType?: z.ZodType;
  readonly options?: readonly z.ZodType[];
  readonly discriminator?: string;
  readonly values?: readonly unknown[];
}

function definitionOf(schema: z.ZodType): Definition {
  const definition = schema.def as unknown as Definition;
  const inner = definition.innerType ?? definition.out;
  return inner === undefined ? definition : definitionOf(inner);
}

/** The schema of the value at a path; of a union the member that the value's discriminator chooses. */
function definitionAt(schema: z.ZodType, path: readonly PropertyKey[], value: unknown): Definition | undefined {
  let definition: Definition | undefined = chosenMember(definitionOf(schema), value);
  let inner = value;
  for (const key of path) {
    const next: z.ZodType | undefined =
      definition?.shape?.[String(key)] ?? definition?.element ?? definition?.valueType;
    inner = (inner as Record<PropertyKey, unknown>)?.[key];
    definition = next === undefined ? undefined : chosenMember(definitionOf(next), inner);
  }
  return definition;
}

function chosenMember(definition: Definition, value: unknown): Definition {
  const { discriminator, options } = definition;
  if (discriminator === undefined || options === undefined) return definition;
  const wanted = (value as Record<string, unknown> | undefined)?.[discriminator];
  const member = options.find((option) => namesOf(option, discriminator).includes(String(wanted)));
  return member === undefined ? definition : definitionOf(member);
}

function namesOf(member: z.ZodType, discriminator: string): readonly string[] {
  const literal = definitionOf(member).shape?.[discriminator];
  return literal === undefined ? [] : (definitionOf(literal).values ?? []).map(String);
}

function keysAt(schema: z.ZodType, path: readonly PropertyKey[], value: unknown): readonly string[] {
  return Object.keys(definitionAt(schema, path, value)?.shape ?? {});
}

/** Names that the discriminator of the union at a path may have. */
function choicesOf(schema: z.ZodType, path: readonly PropertyKey[], value: unknown): readonly string[] {
  const { options = [], discriminator = "" } = definitionAt(schema, path, value) ?? {};
  return options.flatMap((option) => namesOf(option, discriminator));
}
