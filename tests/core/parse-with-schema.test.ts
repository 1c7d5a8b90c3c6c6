import { describe, expect, test } from "vitest";
import * as z from "zod";
import { parseWithSchema } from "../../core/parse-with-schema.ts";
import { errorOf } from "../support/expect-error.ts";

const schema = z.strictObject({
  steps: z.int().min(1).max(1000).default(18),
  rate: z.number().gt(0).lt(1).optional(),
  kind: z.enum(["small", "large"]).default("small"),
  size: z.union([z.literal("auto"), z.int().min(2)]).default("auto"),
  widths: z.array(z.int().min(8)).default([8]),
  optimizer: z
    .discriminatedUnion("name", [
      z.strictObject({ name: z.literal("sgd"), momentum: z.number().min(0).default(0) }),
      z.strictObject({ name: z.enum(["adam", "adamw"]), beta: z.number().optional() }),
    ])
    .prefault({ name: "sgd" }),
  hash: z
    .string()
    .regex(/^[0-9a-f]+$/, "must be hexadecimal digits")
    .optional(),
  title: z.string().min(1).max(5).optional(),
  decays: z.array(z.number().min(0)).min(1).max(3).optional(),
  pair: z.array(z.unknown()).length(2).optional(),
  shares: z.record(z.string().regex(/^[a-z]+$/, "must be small letters"), z.string().min(1)).optional(),
  net: z
    .strictObject({ dim: z.int(), heads: z.int().optional() })
    .refine(({ dim, heads = 2 }) => dim % heads === 0, { path: ["heads"], error: "must divide dim" })
    .optional(),
  nested: z.preprocess((value) => [value], z.array(z.array(z.unknown()).min(1))).optional(),
});
const names = { area: "test", owner: "the test" };

test("a value that fits comes back with its defaults", () => {
  expect(parseWithSchema(schema, { steps: 3 }, names)).toEqual({
    ...{ steps: 3, kind: "small", size: "auto", widths: [8] },
    optimizer: { name: "sgd", momentum: 0 },
  });
});

describe("one line says key, rule, value, and what to do", () => {
  test.for([
    [{ steps: 0 }, "out-of-range", "steps must be an integer, at least 1 and at most 1000, got 0. Give it another"],
    [{ steps: "many" }, "out-of-range", 'steps must be an integer, at least 1 and at most 1000, got "many". '],
    [{ steps: 1.5 }, "out-of-range", "steps must be an integer, at least 1 and at most 1000, got 1.5. "],
    [{ rate: 1 }, "out-of-range", "rate must be a number, above 0 and below 1, got 1. "],
    [{ kind: "larg" }, "out-of-range", 'kind must be one of small, large, got "larg". Did you mean large? Give it'],
    [{ kind: "gigantic" }, "out-of-range", 'kind must be one of small, large, got "gigantic". Give it another value'],
    [{ size: 1 }, "out-of-range", "size must be auto or an integer, at least 2, got 1. "],
    [{ widths: [8, 4] }, "out-of-range", "widths.1 must be an integer, at least 8, got 4. "],
    [{ widths: 8 }, "out-of-range", "widths must be a list of values that are each an integer, at least 8, got 8. "],
    [{ title: "much too long" }, "out-of-range", 'title must be a string of 1 to 5 characters, got "much too long". '],
    [
      { decays: [] },
      "out-of-range",
      "decays must be a list of 1 to 3 values that are each a number, at least 0, got []",
    ],
    [{ pair: [1] }, "out-of-range", "pair must be a list of 2 values, got [1]. "],
    [
      { shares: { "A b": "c" } },
      "out-of-range",
      'a key of shares must be small letters, got "A b". Choose another key.',
    ],
    [{ shares: { ab: "" } }, "out-of-range", 'shares.ab must be a string that is not empty, got "". '],
    [{ net: { dim: 8, heads: 3 } }, "out-of-range", "net.heads must divide dim, got 3. "],
    [{ net: { dim: 3 } }, "out-of-range", "net.heads must divide dim, got nothing. "],
    [{ nested: [] }, "out-of-range", "nested.0 must be a list of 1 or more values, got []. "],
    [{ hash: "xyz" }, "out-of-range", 'hash must be hexadecimal digits, got "xyz". '],
    [{ optimizer: { name: "adamm" } }, "out-of-range", "optimizer.name must be one of sgd, adam, adamw, got"],
    [{ optimizer: { name: "sgd", momentum: -1 } }, "out-of-range", "optimizer.momentum must be a number, at least 0"],
    [7, "out-of-range", "it must be an object, got 7. "],
    [{ net: {} }, "out-of-range", "net.dim must be an integer, got nothing. It has no default: give it a value."],
    [
      { net: { dimm: 3 } },
      "unknown-key",
      "net.dimm is not a key of the test. Did you mean net.dim? Use one of: net.dim, ",
    ],
    [{ stepz: 3 }, "unknown-key", "stepz is not a key of the test. Did you mean steps? Use one of: steps, rate, "],
    [{ frobnicate: 3 }, "unknown-key", "frobnicate is not a key of the test. Use one of: steps, rate, "],
    [
      { optimizer: { name: "adam", betta: 1 } },
      "unknown-key",
      "optimizer.betta is not a key of the test. Did you mean optimizer.beta? Use one of: optimizer.name, optimizer.beta.",
    ],
  ] as const)("%j", async ([value, code, message]) => {
    const error = await errorOf(() => parseWithSchema(schema, value, names), `test/${code}`);
    expect(error.message).toContain(message);
    expect(error.message).not.toContain("\n");
  });
});

test("a caller names source, keys, values and advice in its own way", async () => {
  const own = {
    ...names,
    source: "rows.json",
    nameOf: (key: string) => `--${key}`,
    show: String,
    adviceOf: (key: string) => (key === "kind" ? "Choose a size." : undefined),
  };
  const { message } = await errorOf(() => parseWithSchema(schema, { kind: "other" }, own), "test/out-of-range");
  expect(message).toBe("rows.json: --kind must be one of small, large, got other. Choose a size.");
});
