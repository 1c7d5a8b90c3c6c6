import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { Cifar5mError } from "../../core/errors.ts";
import { loadOnnxruntime, onnxruntimeVersion } from "../../engine/onnxruntime/load-onnxruntime.ts";
import { runProgram } from "../run-program.ts";

/**
 * Installs onnxruntime-node where this package is installed, without its install script: the libraries for CPUs and
 * WebGPU are in the package itself, the script only fetches those for CUDA.
 * @param options.project - the folder to install into; by default the project that this package was installed in
 * @returns false if it was there already
 * @throws Cifar5mError `setup/npm-failed`
 */
export async function installOnnxruntime(options: {
  readonly signal: AbortSignal;
  readonly project?: string;
}): Promise<boolean> {
  try {
    await loadOnnxruntime();
    return false;
  } catch {
    const project = options.project ?? projectFolder();
    const quiet = ["--no-save", "--no-audit", "--no-fund", "--loglevel=error"];
    const args = ["install", "--ignore-scripts", ...quiet, `onnxruntime-node@${onnxruntimeVersion}`];
    const { exitCode, output } = await runProgram("npm", args, { signal: options.signal, cwd: project });
    if (exitCode !== 0) {
      const why = exitCode === undefined ? "there is no npm" : output.trim().split("\n").at(-1);
      throw new Cifar5mError(
        "setup/npm-failed",
        `npm could not install onnxruntime-node ${onnxruntimeVersion} in ${project}: ${why}. Check the network, then run again.`,
      );
    }
    // Node remembers, for the life of a process, that there was no such package. So the caller tries it in another one.
    return true;
  }
}

/** The folder whose `node_modules` holds this package; in the repository, the repository. */
function projectFolder(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, "package.json"))) folder = dirname(folder);
  return dirname(folder).endsWith("node_modules") ? dirname(dirname(folder)) : folder;
}
