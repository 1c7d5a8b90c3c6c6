import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";

const root = fileURLToPath(new URL("../", import.meta.url));
const folders = [
  "core",
  "engine",
  "networks",
  "shards",
  "generator",
  "labeler",
  "pipeline",
  "scripts",
  "tests/pipeline",
];

/** Where the compiled sources lie; below the repository, so that packages and `weights/` are found. */
export const compiledFolder = join(root, ".cache", "compiled");

/**
 * Compiles the sources before the tests, without checking types, so that child processes run what is tested: Node 20
 * runs no TypeScript. The last compilation may be of older sources, so it is thrown away.
 */
export default async function compileSources(): Promise<void> {
  await rm(compiledFolder, { recursive: true, force: true });
  const compilerOptions = {
    module: ts.ModuleKind.ESNext,
    target: ts.ScriptTarget.ES2023,
    rewriteRelativeImportExtensions: true,
    verbatimModuleSyntax: true,
  };
  for (const folder of folders) {
    const names = await readdir(join(root, folder), { recursive: true });
    for (const name of names.filter((file) => file.endsWith(".ts") && !file.endsWith(".test.ts"))) {
      const text = await readFile(join(root, folder, name), "utf8");
      const target = join(compiledFolder, folder, name.replace(/\.ts$/, ".js"));
      await mkdir(dirname(target), { recursive: true });
      await writeFile(target, ts.transpileModule(text, { compilerOptions }).outputText);
    }
  }
}
