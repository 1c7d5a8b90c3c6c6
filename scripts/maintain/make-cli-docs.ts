/**
 * Makes `docs/cli.md` from the schemas of the commands.
 * For those who work on this package, in its folder: `npm run docs:cli`.
 */

import { replaceBytes } from "../../storage/commit.ts";
import { reportError } from "../cli/exit-codes.ts";
import { printLines } from "../cli/print.ts";
import { formatCliDocs } from "./cli-docs.ts";

const path = "docs/cli.md";
try {
  await replaceBytes(path, await formatCliDocs());
  printLines(`wrote ${path}`);
} catch (thrown) {
  process.exitCode = reportError(thrown, { verbose: true });
}
