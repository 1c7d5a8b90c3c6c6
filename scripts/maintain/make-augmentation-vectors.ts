/**
 * Makes `docs/augmentation-vectors.json`, by which an implementation of docs/order.md checks its augmentation.
 * For those who work on this package, in its folder: `node dist/scripts/maintain/make-augmentation-vectors.js`.
 */

import { replaceBytes } from "../../storage/commit.ts";
import { reportError } from "../cli/exit-codes.ts";
import { formatAugmentationVectors, makeAugmentationVectors } from "./augmentation-vectors.ts";

const path = "docs/augmentation-vectors.json";
try {
  const { sha256 } = await replaceBytes(path, Buffer.from(formatAugmentationVectors(await makeAugmentationVectors())));
  process.stdout.write(`${path}: sha256 ${sha256}\n`);
} catch (thrown) {
  process.exitCode = reportError(thrown, { verbose: true });
}
