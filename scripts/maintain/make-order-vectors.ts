/**
 * Makes `docs/order-vectors.json`, by which an implementation of docs/order.md checks itself.
 * For those who work on this package, in its folder: `node dist/scripts/maintain/make-order-vectors.js`.
 */

import { replaceBytes } from "../../storage/commit.ts";
import { reportError } from "../cli/exit-codes.ts";
import { formatOrderVectors, makeOrderVectors } from "./order-vectors.ts";

const path = "docs/order-vectors.json";
try {
  const { sha256 } = await replaceBytes(path, Buffer.from(formatOrderVectors(await makeOrderVectors())));
  process.stdout.write(`${path}: sha256 ${sha256}\n`);
} catch (thrown) {
  process.exitCode = reportError(thrown, { verbose: true });
}
