/**
 * Compiles the kernels in WebAssembly. For those who work on this package, in its folder:
 * `npm install --no-save assemblyscript@0.28.20 && node dist/scripts/maintain/make-kernels.js`.
 */

import { replaceBytes } from "../../storage/commit.ts";
import { reportError } from "../cli/exit-codes.ts";
import { compileKernel, compilerVersion, kernels } from "./compile-kernel.ts";

try {
  for (const kernel of Object.values(kernels)) {
    const text = await compileKernel(kernel);
    if (text === undefined) {
      process.stderr.write(`usage/wrong: run \`npm install --no-save assemblyscript@${compilerVersion}\` first.\n`);
      process.exitCode = 2;
      break;
    }
    const { sha256 } = await replaceBytes(kernel.target, text);
    process.stdout.write(`${kernel.target}: sha256 ${sha256}\n`);
  }
} catch (thrown) {
  process.exitCode = reportError(thrown, { verbose: true });
}
