import * as z from "zod";
import { describeIssue } from "../core/describe-issue.ts";
import { Cifar5mError } from "../core/errors.ts";

/** A count, index or id: an integer in [0, 2⁵³). */
export const safeCount = z.int().min(0);

/** 64 hexadecimal digits. */
export const sha256Text = z.string().regex(/^[0-9a-f]{64}$/, "must be 64 hexadecimal digits");

/**
 * Checks a receipt, a manifest or a loader state.
 * @param kind - `receipt`, `manifest` or `loader-state`; the area of the error codes
 * @param path - its file, named in errors
 * @param action - what to do about an invalid record
 * @throws Cifar5mError `<kind>/version-unsupported` for another version, `<kind>/invalid` for anything else
 */
export function parseRecord<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
  kind: string,
  path: string,
  version: number | readonly number[],
  action = "Delete it and run again to rebuild it.",
): z.infer<Schema> {
  const seen = typeof value === "object" && value !== null && "version" in value ? value.version : undefined;
  const versions = [version].flat();
  if (typeof seen === "number" && !versions.includes(seen)) {
    throw new Cifar5mError(
      `${kind}/version-unsupported`,
      `${path} must have format version ${versions.join(" or ")}, got ${seen}. Use the cifar5m release that wrote it, or build it again.`,
    );
  }
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw new Cifar5mError(`${kind}/invalid`, `${path}: ${describeIssue(result.error, schema, value)}. ${action}`);
}
