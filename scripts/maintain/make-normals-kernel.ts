/**
 * Compiles `core/normals/assembly/kernel.ts` into `core/normals/normals-kernel.ts`. For those who work on this package, in
 * its folder: `npm install --no-save assemblyscript@0.28.20 && node dist/scripts/maintain/make-normals-kernel.js`.
 */

import { replaceBytes } from "../../storage/commit.ts";
import { reportError } from "../cli/exit-codes.ts";
import { compileNormalsKernel, compilerVersion } from "./compile-normals-kernel.ts";

const path = "core/normals/normals-kernel.ts";
try {
  const text = await compileNormalsKernel();
  if (text === undefined) {
    process.stderr.write(`usage/wrong: run \`npm install --no-save assemblyscript@${compilerVersion}\` first.\n`);
    process.exitCode = 2;
  } else {
    const { sha256 } = await replaceBytes(path, text);
    process.stdout.write(`${path}: sha256 ${sha256}\n`);
  }
} catch (thrown) {
  process.exitCode = reportError(thrown, { verbose: true });
}
