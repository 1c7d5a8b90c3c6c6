import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import ts from "typescript";

const root = fileURLToPath(new URL("../../", import.meta.url));

/**
 * Compiles some of our modules into a folder, so that a child process can run them: Node 20 runs no TypeScript.
 * @param files - relative to the repository; all that they import must be among them
 * @returns URL of the first one
 */
export async function emitModules(folder: string, files: readonly [string, ...string[]]): Promise<string> {
  const compilerOptions = {
    module: ts.ModuleKind.ESNext,
    target: ts.ScriptTarget.ES2022,
    rewriteRelativeImportExtensions: true,
  };
  await writeFile(join(folder, "package.json"), '{ "type": "module" }');
  const emitted = (file: string) => join(folder, file.replace(/\.ts$/, ".js"));
  for (const file of files) {
    const { outputText } = ts.transpileModule(await readFile(join(root, file), "utf8"), { compilerOptions });
    await mkdir(dirname(emitted(file)), { recursive: true });
    await writeFile(emitted(file), outputText);
  }
  return pathToFileURL(emitted(files[0])).href;
}
