import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { formatCliDocs } from "../../scripts/maintain/cli-docs.ts";

test("docs/cli.md is what the schemas of the commands say; `npm run docs:cli` writes it", async () => {
  expect(await readFile("docs/cli.md", "utf8")).toBe(await formatCliDocs());
});
