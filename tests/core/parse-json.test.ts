import { expect, test } from "vitest";
import { parseJson } from "../../core/parse-json.ts";

test.each([
  ['{"a":[1,{"b":null}],"c":"text"}'],
  [JSON.stringify({ text: '\\"[[[{{{'.repeat(1000), path: "C:\\" })],
  [`${"[".repeat(100)}${"]".repeat(100)}`],
  [JSON.stringify(Array.from({ length: 1000 }, () => [[]]))],
])("JSON is read as JSON.parse reads it: %#", (text) => {
  expect(parseJson(text)).toEqual(JSON.parse(text));
});

test.each([
  ["lists", "[".repeat(200_000) + "]".repeat(200_000)],
  ["objects", `${'{"a":'.repeat(101)}1${"}".repeat(101)}`],
  ["lists after texts that end in backslashes", `["\\\\",${"[".repeat(100)}${"]".repeat(100)}]`],
])("%s that are nested too deep are refused", (_, text) => {
  expect(() => parseJson(text)).toThrow("nested more than 100 deep");
});

test("text that is not JSON is refused", () => {
  expect(() => parseJson('{"a":')).toThrow(SyntaxError);
});
