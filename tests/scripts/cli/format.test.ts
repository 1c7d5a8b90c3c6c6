import { expect, test } from "vitest";
import { formatBytes, formatDuration } from "../../../scripts/cli/format.ts";

test.each([
  [0, "0 B"],
  [999, "999 B"],
  [1000, "1.0 kB"],
  [999_949, "999.9 kB"],
  [999_960, "1.0 MB"],
  [4_800_000, "4.8 MB"],
  [18.4e9, "18.4 GB"],
  [5e16, "50000.0 TB"],
])("%i bytes are %s", (bytes, text) => {
  expect(formatBytes(bytes)).toBe(text);
});

test.each([
  [350, "350 ms"],
  [999.4, "999 ms"],
  [999.7, "1 s"],
  [59_600, "1 min 0 s"],
  [185_000, "3 min 5 s"],
  [8_040_000, "2 h 14 min"],
])("%d milliseconds are %s", (milliseconds, text) => {
  expect(formatDuration(milliseconds)).toBe(text);
});
