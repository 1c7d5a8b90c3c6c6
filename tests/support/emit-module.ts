import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import ts from "typescript";

const root = fileURLToPath(new URL("../../", import.meta.url));

/**
 * Compiles a module of ours and all of ours that it imports into a folder, so that a child process can run them: Node 20
 * runs no TypeScript.
 * @param file - relative to the repository
 * @returns its URL there
 */
export async function emitModule(folder: string, file: string): Promise<string> {
  const compilerOptions = {
    module: ts.ModuleKind.ESNext,
    target: ts.ScriptTarget.ES2022,
    rewriteRelativeImportExtensions: true,
  };
  await writeFile(join(folder, "package.json"), '{ "type": "module" }');
  const emitted = (file: string) => join(folder, file.replace(/\.ts$/, ".js"));
  const files = new Set([file]);
  // The loop also visits modules that are added meanwhile.
  for (const each of files) {
    const { outputText } = ts.transpileModule(await readFile(join(root, each), "utf8"), { compilerOptions });
    await mkdir(dirname(emitted(each)), { recursive: true });
    await writeFile(emitted(each), outputText);
    for (const { fileName } of ts.preProcessFile(outputText).importedFiles) {
      if (fileName.startsWith(".")) files.add(join(dirname(each), fileName).replace(/\.js$/, ".ts"));
    }
  }
  return pathToFileURL(emitted(file)).href;
}
