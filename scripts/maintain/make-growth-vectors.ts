/**
 * Makes `docs/growth-vectors.json`, by which an implementation of docs/order.md checks the order of sets that have grown.
 * For those who work on this package, in its folder: `node dist/scripts/maintain/make-growth-vectors.js`.
 */

import { replaceBytes } from "../../storage/commit.ts";
import { reportError } from "../cli/exit-codes.ts";
import { formatGrowthVectors, makeGrowthVectors } from "./growth-vectors.ts";

const path = "docs/growth-vectors.json";
try {
  const { sha256 } = await replaceBytes(path, Buffer.from(formatGrowthVectors(makeGrowthVectors())));
  process.stdout.write(`${path}: sha256 ${sha256}\n`);
} catch (thrown) {
  process.exitCode = reportError(thrown, { verbose: true });
}
