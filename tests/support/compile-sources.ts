import { execFile } from "node:child_process";
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import ts from "typescript";
import type { TestProject } from "vitest/node";

const root = fileURLToPath(new URL("../../", import.meta.url));

const cache = join(root, ".cache");

declare module "vitest" {
  interface ProvidedContext {
    /** Where the compiled sources lie; below the repository, so that packages and `weights/` are found. */
    compiledFolder: string;
  }
}

/**
 * Compiles the sources before the tests, without checking types, and bundles the page, so that child
 * processes run what is tested: Node 20 runs no TypeScript. Into a folder of this run's own, which is removed afterwards.
 */
export default async function compileSources(project: TestProject): Promise<() => Promise<void>> {
  await removeStaleFolders();
  const compiledFolder = join(cache, `compiled-${process.pid}`);
  const compilerOptions = {
    module: ts.ModuleKind.ESNext,
    target: ts.ScriptTarget.ES2023,
    rewriteRelativeImportExtensions: true,
    verbatimModuleSyntax: true,
  };
  const { include } = JSON.parse(await readFile(join(root, "tsconfig.build.json"), "utf8"));
  for (const folder of [...(include as string[]), "tests/support"]) {
    const names = await readdir(join(root, folder), { recursive: true });
    for (const name of names.filter((file) => file.endsWith(".ts") && !file.endsWith(".test.ts"))) {
      const text = await readFile(join(root, folder, name), "utf8");
      const target = join(compiledFolder, folder, name.replace(/\.ts$/, ".js"));
      await mkdir(dirname(target), { recursive: true });
      await writeFile(target, ts.transpileModule(text, { compilerOptions }).outputText);
    }
  }
  const bundler = join(root, "scripts", "maintain", "bundle-page.mjs");
  await promisify(execFile)(process.execPath, [bundler, compiledFolder]);
  project.provide("compiledFolder", compiledFolder);
  return () => rm(compiledFolder, { recursive: true, force: true });
}

/** Leftovers of killed runs. */
async function removeStaleFolders(): Promise<void> {
  for (const name of await readdir(cache).catch(() => [])) {
    const pid = Number(/^compiled-(\d+)$/.exec(name)?.[1] ?? 0);
    if (pid > 0 && !isAlive(pid)) await rm(join(cache, name), { recursive: true, force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
