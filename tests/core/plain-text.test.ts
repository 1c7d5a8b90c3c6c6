import fc from "fast-check";
import { expect, test } from "vitest";
import { Cifar5mError } from "../../core/errors.ts";
import { escapeControls, plainText } from "../../core/plain-text.ts";

test.each([
  ["\u001b[2J\u001b]0;title\u0007", "\\u001b[2J\\u001b]0;title\\u0007"],
  ["two\nlines\r", "two\\nlines\\u000d"],
  ["\u202Ereversed\u2028\u009b", "\\u202ereversed\\u2028\\u009b"],
  ["half \ud83d of a pair", "half \\ud83d of a pair"],
  ["C:\\Users\\Ünïcøde 🦊 日本 −1", "C:\\Users\\Ünïcøde 🦊 日本 −1"],
])("%j becomes one line that moves no cursor", (text, plain) => {
  expect(plainText(text)).toBe(plain);
});

test("any text becomes one short line, and plain text stays as it is", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 9000 }), (text) => {
      expect(plainText(text)).not.toMatch(/[\p{C}\p{Zl}\p{Zp}]/u);
      // Escaping may turn each UTF-16 unit into six.
      expect(plainText(text).length).toBeLessThan(6 * 3100);
    }),
  );
  fc.assert(
    fc.property(fc.string({ unit: "grapheme-ascii", maxLength: 3000 }), (text) => {
      expect(plainText(text)).toBe(text);
    }),
  );
});

test("what JSON holds is the same after its controls were escaped", () => {
  const value = { text: "\u0085\u007f\u202e\ud800\u001b\n", "\u009b": 1 };
  expect(JSON.parse(escapeControls(JSON.stringify(value)))).toEqual(value);
});

test("an error with 100,000 characters in it still begins with its code and ends with what to do", () => {
  const { line } = new Cifar5mError("area/what", `${"x".repeat(100_000)} must be short.\nUse another.`);
  expect(line).toMatch(/^area\/what: x+… \(\d+ characters left out\) …x+ must be short\.\\nUse another\.$/);
  expect(line.length).toBeLessThan(3100);
});
