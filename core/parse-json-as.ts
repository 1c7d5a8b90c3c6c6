import type * as z from "zod";
import { describeIssue } from "./describe-issue.ts";
import { messageOf } from "./errors.ts";
import { parseJson } from "./parse-json.ts";

/**
 * Reads JSON text whose value must fit a schema.
 * @param errorOf - the error for text that is damaged, given what is wrong with it
 * @throws what `errorOf` returns
 */
export function parseJsonAs<Value>(schema: z.ZodType<Value>, text: string, errorOf: (problem: string) => Error): Value {
  let value: unknown;
  try {
    value = parseJson(text);
  } catch (thrown) {
    throw errorOf(messageOf(thrown));
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw errorOf(describeIssue(parsed.error, schema, value));
}
