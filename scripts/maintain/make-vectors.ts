/**
 * Makes `docs/order-vectors.json`, `docs/augmentation-vectors.json` and `docs/growth-vectors.json`, by which an
 * implementation of docs/order.md checks itself. For those who work on this package, in its folder:
 * `node dist/scripts/maintain/make-vectors.js`.
 */

import { replaceBytes } from "../../storage/commit.ts";
import { reportError } from "../cli/exit-codes.ts";
import { makeAugmentationVectors } from "./augmentation-vectors.ts";
import { makeGrowthVectors } from "./growth-vectors.ts";
import { makeOrderVectors } from "./order-vectors.ts";
import { formatSections, formatVectors } from "./vectors.ts";

try {
  await write("docs/order-vectors.json", formatSections(await makeOrderVectors()));
  await write("docs/augmentation-vectors.json", formatSections(await makeAugmentationVectors()));
  await write("docs/growth-vectors.json", formatVectors(makeGrowthVectors()));
} catch (thrown) {
  process.exitCode = reportError(thrown, { verbose: true });
}

async function write(path: string, text: string): Promise<void> {
  const { sha256 } = await replaceBytes(path, text);
  process.stdout.write(`${path}: sha256 ${sha256}\n`);
}
