import { randomUUID } from "node:crypto";
import { readdir, readFile, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { Cifar5mError } from "../../core/errors.ts";
import { makeFolder } from "../../storage/durable-folder.ts";
import { runProgram } from "../run-program.ts";

/** @throws Cifar5mError `setup/no-compiler` */
export async function requireCompiler(compiler: string, signal: AbortSignal): Promise<void> {
  const { exitCode } = await runProgram(compiler, ["--version"], { signal });
  if (exitCode !== undefined) return;
  throw new Cifar5mError(
    "setup/no-compiler",
    `the binding is compiled with ${compiler}, which is not installed. Install a C++ compiler (g++ on Debian), or name one in CXX.`,
  );
}

/**
 * Compiles the binding of TensorFlow.js. node-gyp would run the same compiler command, and also download Node's
 * headers.
 * @param options.folder - the npm package
 * @param options.include - folders of headers
 * @param options.libraries - libraries to link with; the binding finds them relative to its own path
 * @throws Cifar5mError `setup/compile-failed`
 */
export async function compileBinding(options: {
  readonly folder: string;
  readonly compiler: string;
  readonly include: readonly string[];
  readonly libraries: readonly string[];
  readonly signal: AbortSignal;
}): Promise<void> {
  const { folder, compiler, include, libraries, signal } = options;
  const sources = (await readdir(join(folder, "binding"))).filter((name) => name.endsWith(".cc"));
  const napiVersion = await highestNapiVersion(folder);
  const path = join(folder, "lib", `napi-v${napiVersion}`, "tfjs_binding.node");
  const temporary = `${path}.${randomUUID()}.tmp`;
  await makeFolder(dirname(path));
  try {
    const args = [
      ...["-std=c++17", "-O2", "-fPIC", "-shared", `-DNAPI_VERSION=${napiVersion}`],
      ...include.map((directory) => `-I${directory}`),
      ...sources.map((name) => join(folder, "binding", name)),
      ...[...libraries, "-Wl,-rpath,$ORIGIN/../../deps/lib", "-o", temporary],
    ];
    const { exitCode, output } = await runProgram(compiler, args, { signal });
    if (exitCode !== 0) {
      const line = output.split("\n").find((text) => /error/i.test(text)) ?? output.trim().split("\n").at(-1);
      throw new Cifar5mError(
        "setup/compile-failed",
        `${compiler} ended with exit code ${exitCode}: ${line}. It must know C++17; name another one in CXX.`,
      );
    }
    await rename(temporary, path);
  } finally {
    await rm(temporary, { force: true });
  }
}

/** The version of Node's C interface for which the package looks for a binding. */
async function highestNapiVersion(folder: string): Promise<number> {
  const { binary } = JSON.parse(await readFile(join(folder, "package.json"), "utf8")) as {
    readonly binary: { readonly napi_versions: readonly number[] };
  };
  const here = Number(process.versions["napi"]);
  return Math.max(...binary.napi_versions.filter((version) => version <= here));
}
