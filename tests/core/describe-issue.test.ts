import { expect, test } from "vitest";
import * as z from "zod";
import { describeIssue } from "../../core/describe-issue.ts";

const schema = z.strictObject({
  steps: z.int().min(1).max(1000),
  sha256: z.string().regex(/^[0-9a-f]{4}$/, "must be 4 hexadecimal digits"),
  kind: z.enum(["small", "large"]).optional(),
  names: z.record(z.string().max(2), z.string()).optional(),
});

function describe(value: unknown): string {
  return describeIssue(schema.safeParse(value).error!, schema, value);
}

test("the first problem of a file is told with key, rule and value, as a part of a sentence", () => {
  expect(describe({ steps: 0, sha256: "00ff" })).toBe("steps must be an integer, at least 1 and at most 1000, got 0");
  expect(describe({ steps: 1, sha256: "x" })).toBe('sha256 must be 4 hexadecimal digits, got "x"');
  expect(describe({ steps: 1, sha256: "00ff", kind: "huge" })).toBe('kind must be one of small, large, got "huge"');
  expect(describe({ steps: 1, sha256: "00ff", names: { abc: "d" } })).toBe(
    'a key of names must be a string of at most 2 characters, got "abc"',
  );
  expect(describe({ sha256: "00ff" })).toBe("steps must be an integer, at least 1 and at most 1000, and is missing");
  expect(describe({ steps: 1, sha256: "00ff", more: 1 })).toBe("it has the unknown key more");
  expect(describe(null)).toMatch(/^it .*, got null$/);
});

test("a wrong value neither reaches the terminal raw nor at full length", () => {
  const text = describe({ steps: 1, sha256: `\u001b[31m${"x".repeat(100_000)}` });
  expect(text.length).toBeLessThan(200);
  expect(text).not.toContain("\u001b");
});
